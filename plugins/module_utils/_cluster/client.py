# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""The Kubernetes API as plain dicts: the only file that imports kubernetes and kubernetes.core."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from ansible.module_utils.common.warnings import warn
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.k8s import client as _core_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException

try:
    import urllib3
    import yaml
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, kube_config
    from kubernetes.dynamic.exceptions import (
        DynamicApiError,
        ResourceNotFoundError,
        ResourceNotUniqueError,
    )
except ImportError as error:
    _MISSING: ImportError | None = error
else:
    _MISSING = None

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.field_managers import MANAGER
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.refusals import (
    no_answer,
    no_header,
    refusal,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster.wire import (
    PAUSES,
    READ_SECONDS,
    Watch,
    Wire,
    is_transient,
    raised,
    warnings,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._errors import ClusterError, InputError
from ansible_collections.octoblu.bluegreen.plugins.module_utils._masking import (
    KNOWN,
    decoded,
    of_structure,
    of_url,
    without_user,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._threads import within

ARGUMENT_SPEC: dict[str, dict[str, Any]] = {
    **AUTH_ARG_SPEC,
    # Its keys are hidden by ``secrets``. All of it would hide names such as its namespace's in what the plan holds.
    "kubeconfig": {**AUTH_ARG_SPEC["kubeconfig"], "no_log": False},
    "allow_in_cluster": {"type": "bool", "default": False},
}

Object = dict[str, Any]
T = TypeVar("T")

_DISCOVERY_SECONDS = 20.0
_NO_HEADER = re.compile(r"[^\x20-\x7e]")
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


def secrets(params: Mapping[str, Any]) -> set[str]:
    """What nobody may be shown of the options and of the kubeconfig that they name."""
    found = {str(params[name]) for name in ("api_key", "password") if params.get(name)}
    if params.get("username") and params.get("password"):
        found.add(b64encode(f"{params['username']}:{params['password']}".encode()).decode())
    headers = params.get("proxy_headers")
    if isinstance(headers, Mapping):
        found |= {str(value) for name, value in headers.items() if value and name.endswith("basic_auth")}
    for address in ("host", "proxy"):
        found |= set(of_url(params.get(address)))
    for name in (params.get("client_key"), os.environ.get("K8S_AUTH_KEY_FILE")):
        found |= _contents(name)
    kubeconfig = params.get("kubeconfig")
    if isinstance(kubeconfig, Mapping):
        found |= _secrets_of_kubeconfig(kubeconfig, "")
    return found


def _secrets_of_files(kubeconfig: str) -> set[str]:
    """The same of the files that a kubeconfig's path names, as far as they can be read."""
    found: set[str] = set()
    for path in kubeconfig.split(os.pathsep):
        path = os.path.expanduser(path)
        try:
            with open(path, encoding="utf-8") as file:
                document = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(document, Mapping):
            found |= _secrets_of_kubeconfig(document, os.path.dirname(os.path.abspath(path)))
    return found


def _secrets_of_kubeconfig(kubeconfig: Mapping[str, Any], folder: str) -> set[str]:
    found = set(of_structure(kubeconfig.get("users")))
    found |= {text for secret in found for text in decoded(secret)}
    for name, key in (("users", "user"), ("clusters", "cluster")):
        entries = kubeconfig.get(name)
        for entry in entries if isinstance(entries, list) else ():
            below = entry.get(key) if isinstance(entry, Mapping) else None
            if not isinstance(below, Mapping):
                continue
            found |= {*of_url(below.get("proxy-url")), *of_url(below.get("server"))}
            for path in (below.get("tokenFile"), below.get("client-key")):
                if isinstance(path, str):
                    found |= _contents(os.path.join(folder, path))
    return found


def _contents(path: Any) -> set[str]:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            return {file.read()}
    except (OSError, TypeError, ValueError):
        return set()


def connect(params: Mapping[str, Any]) -> Cluster:
    """Reach the cluster that ``params`` (our ARGUMENT_SPEC) and the environment name.

    Raises InputError where the configuration is unusable, ClusterError where the API does not answer.
    """
    if _MISSING is not None:
        raise InputError(
            f"The Python package {_MISSING.name} is missing from {sys.executable}; "
            "install kubernetes there, or set ansible_python_interpreter to a Python that has it."
        )
    auth = auth_options(params, os.environ)
    kubeconfig = auth.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG")
    KNOWN.learn(*secrets(auth), *(_secrets_of_files(kubeconfig) if isinstance(kubeconfig, str) else ()))
    with _plugin_failures() as failures, _tokens_as_kubectl_reads_them(_named(auth)):
        try:
            client = _discovered(
                lambda: get_api_client(None, **auth),
                lambda: _configured_host(auth),
                lambda: _configured_proxy(auth),
            )
        except yaml.YAMLError as error:
            # Its own words quote the line, which may hold a key.
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
            raise InputError(
                f"No usable Kubernetes configuration in {_named(auth)}: it is no YAML{where}; "
                "set kubeconfig (or KUBECONFIG), or host with api_key."
            ) from None
        except (CoreException, ConfigException, OSError, TypeError, AttributeError, ValueError) as error:
            raise InputError(
                f"No usable Kubernetes configuration in {_named(auth)}: {_told(error)}; "
                f"{_in_a_pod(os.environ)}set kubeconfig (or KUBECONFIG), or host with api_key."
            ) from (None if isinstance(error, ValueError) else error)
        except ClusterError as error:
            _check_plugin(failures, auth, error)
            raise
    _check_plugin(failures, auth)
    _warn_of_anybody(client.client.client.configuration)
    return Cluster(client)


def leave() -> None:
    """Forget what the libraries keep until their process ends: the files they write keys to, and the last cluster.

    A process that Ansible forks ends without its exit handlers, and may serve another cluster before that.
    """
    if _MISSING is None:
        _core_client._pool.clear()
        Configuration.set_default(None)
        kube_config._cleanup_temp_files()


def auth_options(params: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The authentication options for kubernetes.core, with a kubeconfig wherever it would guess.

    Left alone, kubernetes.core tries the account of the pod it runs in before any kubeconfig: a
    deploy from a CI job inside one cluster would land in that cluster instead of the configured one.
    """
    auth = {name: params[name] for name in AUTH_ARG_SPEC if params.get(name) is not None}

    for name in ("api_key", "username", "password", "impersonate_user"):
        variable = f"K8S_AUTH_{name.upper()}"
        value, where = (auth[name], name) if name in auth else (environ.get(variable), variable)
        if isinstance(value, str) and name in ("api_key", "impersonate_user"):
            cleaned = _token(value, where)
            if name in auth or cleaned != value:
                auth[name] = cleaned
        elif isinstance(value, str):
            _check_encodable(value, where)

    given = partial(_given, auth, environ)
    by_host = given("host") and (
        given("api_key")
        or (given("username") and given("password"))
        or (given("client_cert", "CERT_FILE") and given("client_key", "KEY_FILE"))
    )
    if by_host or given("kubeconfig"):
        return auth
    if environ.get("KUBECONFIG"):
        auth["kubeconfig"] = environ["KUBECONFIG"]
    elif not params.get("allow_in_cluster") or given("context"):
        auth["kubeconfig"] = "~/.kube/config"
    return auth


def _token(value: str, where: str) -> str:
    """The token without the line end of its file, as kubectl reads it; an InputError names what no header can hold."""
    KNOWN.learn(value)
    stripped = value.strip()
    if _NO_HEADER.search(stripped):
        raise InputError(
            f"The value of {where} holds a line end, a control character or a letter that is not ASCII, "
            "which no HTTP header can: give it as it was issued, on one line."
        )
    return stripped


def _check_encodable(value: str, where: str) -> None:
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise InputError(
            f"The value of {where} holds a letter that HTTP's basic authentication cannot send: "
            "use a token or a client certificate instead."
        ) from None


@contextmanager
def _tokens_as_kubectl_reads_them(kubeconfig: str) -> Iterator[None]:
    """Let the library strip a token that it takes from a kubeconfig, now and whenever it renews it.

    It hands on the line end with which a file or a plugin's answer ends.
    """
    original = kube_config.KubeConfigLoader

    class Loader(original):  # type: ignore[misc, valid-type]
        def _load_authentication(self) -> None:
            super()._load_authentication()
            KNOWN.learn(*_contents(self.__dict__.get("key_file")))
            kind, _space, token = str(self.__dict__.get("token") or "").partition(" ")
            if kind == "Bearer":
                self.token = f"Bearer {_token(token, self._source())}"

        def _source(self) -> str:
            user = self._user.value
            if "token" not in user and "tokenFile" in user:
                return f"tokenFile {user['tokenFile']} in {kubeconfig}"
            for name in ("auth-provider", "token", "exec"):
                if name in user:
                    what = "the credential plugin's (exec) token" if name == "exec" else name
                    return f"{what} in {kubeconfig}"
            return kubeconfig

    kube_config.KubeConfigLoader = Loader
    try:
        yield
    finally:
        kube_config.KubeConfigLoader = original


def _told(error: BaseException) -> str:
    """A library's words for a configuration that it cannot use, but for those that quote what is in it."""
    if isinstance(error, ValueError) and not isinstance(error, ConfigException):
        words = str(error).casefold()
        if isinstance(error, UnicodeError):
            return "a name, password or file in it holds a letter that cannot be sent or read"
        if words.startswith("host value"):
            return str(error).rstrip(".")
        if "header" in words:
            return "a credential in it holds a character that no HTTP header can"
        return f"a value in it cannot be read ({type(error).__name__})"
    return str(error).rstrip(".")


def _given(auth: Mapping[str, Any], environ: Mapping[str, str], option: str, *environment: str) -> bool:
    """Whether an option has a value, or one of its variables, as kubernetes.core reads them."""
    names = (option.upper(), *environment)
    return bool(auth.get(option)) or any(environ.get(f"K8S_AUTH_{name}") for name in names)


class Cluster:
    """One cluster's API, safe to use from several threads.

    Every failure is a ClusterError with ``status`` (None when nothing answered) and ``reason``.
    """

    def __init__(self, client: Any) -> None:
        """``client`` is kubernetes.core's K8SClient."""
        self._client = client
        api = client.client.client

        def headers() -> dict[str, str]:
            token = api.configuration.auth_settings().get("BearerToken")
            return {**api.default_headers, **({token["key"]: token["value"]} if token else {})}

        for value in api.configuration.api_key.values():
            KNOWN.learn(value, str(value).partition(" ")[2])
        KNOWN.learn(api.configuration.password)
        proxy = without_user(str(api.configuration.proxy or ""))
        self._wire = Wire(api.rest_client.pool_manager, str(api.configuration.host), headers, proxy)
        self._resources: dict[tuple[str, str], Any] = {}
        self._discovery = threading.Lock()

    @property
    def host(self) -> str:
        return self._wire.host

    def now(self) -> float | None:
        """Seconds since the epoch by the API server's clock, as its last answer showed it."""
        return self._wire.now()

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """The object, or None when there is none of that name."""
        action = f"read {_what(kind, name, namespace)}"
        answer = self._wire.send("GET", self._path(api_version, kind, namespace, name), action)
        if answer.status == 404 and _names_an_object(self._wire.decoded(action, answer)):
            return None
        return self._wire.checked(action, answer)

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> tuple[list[Object], str]:
        """The objects, each with its kind and apiVersion, and the version of the list to watch from."""
        action = f"list {_what(kind, None, namespace)}"
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        answer = self._wire.send("GET", self._path(api_version, kind, namespace), action, query)
        found = self._wire.checked(action, answer)
        items = [{**item, "apiVersion": api_version, "kind": kind} for item in found.get("items") or ()]
        return items, str(found["metadata"]["resourceVersion"])

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        resource_version: str = "",
        seconds: int = 45,
    ) -> Watch:
        """Open one stream of changes after ``resource_version``, which the server ends after ``seconds``."""
        query = {
            "resourceVersion": resource_version,
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
        }
        path = self._path(api_version, kind, namespace)
        return self._wire.watch(path, f"watch {_what(kind, None, namespace)}", query, seconds)

    def apply(
        self,
        wanted: Object,
        namespace: str,
        dry_run: bool = False,
        strict: bool = True,
        force: bool = False,
        manager: str = MANAGER,
        hear: Callable[[str], None] = lambda warning: None,
    ) -> Object:
        """Send one server-side apply, and return the object as it is then. ``hear`` gets the API server's warnings.

        The API server merges by its own keys, takes away what ``manager`` has applied before and wants no
        more, and refuses (409, FieldManagerConflict) to change what others have set, unless ``force`` says so.
        With ``dry_run`` it says what it would do, refusals included. With ``strict`` it refuses a field
        that it does not know: https://kubernetes.io/docs/reference/using-api/api-concepts/#field-validation
        """
        wanted = {**wanted, "metadata": {**wanted["metadata"], "namespace": namespace}}
        api_version, kind, name = wanted["apiVersion"], wanted["kind"], wanted["metadata"]["name"]
        query = {
            "fieldManager": manager,
            "fieldValidation": "Strict" if strict else "Ignore",
            "force": "true" if force else "false",
            "dryRun": "All" if dry_run else None,
        }
        path = self._path(api_version, kind, namespace, name)
        return self._write(
            "PATCH", path, f"apply {_what(kind, name, namespace)}", wanted, _APPLY, query, hear
        )

    def create(
        self, api_version: str, kind: str, namespace: str | None, body: Object, dry_run: bool = False
    ) -> Object:
        name = (body.get("metadata") or {}).get("name")
        path = self._path(api_version, kind, namespace)
        query = {"dryRun": "All" if dry_run else None}
        return self._write("POST", path, f"create {_what(kind, name, namespace)}", body, query=query)

    def replace(self, api_version: str, kind: str, name: str, namespace: str | None, body: Object) -> Object:
        path = self._path(api_version, kind, namespace, name)
        return self._write("PUT", path, f"replace {_what(kind, name, namespace)}", body)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None,
        body: Object,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Send a merge patch; with ``resource_version`` it is refused (409) if the object has moved on."""
        if resource_version is not None:
            metadata = {**(body.get("metadata") or {}), "resourceVersion": resource_version}
            body = {**body, "metadata": metadata}
        path = self._path(api_version, kind, namespace, name)
        action = f"change {_what(kind, name, namespace)}"
        return self._write("PATCH", path, action, body, _MERGE, {"dryRun": "All" if dry_run else None})

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        propagation: str = "Background",
    ) -> bool:
        """Begin to delete; False when there was nothing of that name. In the foreground it goes after its own."""
        action = f"delete {_what(kind, name, namespace)}"
        path = self._path(api_version, kind, namespace, name)
        answer = self._wire.send("DELETE", path, action, body={"propagationPolicy": propagation})
        if answer.status == 404 and _names_an_object(self._wire.decoded(action, answer)):
            return False
        self._wire.checked(action, answer)
        return True

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | str | None = None,
        timeout: float = READ_SECONDS,
    ) -> tuple[int, Mapping[str, str], bytes]:
        """One raw request (logs, the service proxy), sent once: whatever answers is handed back."""
        answer = self._wire.send_once(method, path, f"{method} {path}", query, read_seconds=timeout)
        return answer.status, answer.headers, answer.body

    def _write(
        self,
        method: str,
        path: str,
        action: str,
        body: Object,
        content_type: str = "application/json",
        query: Mapping[str, Any] | None = None,
        hear: Callable[[str], None] = lambda warning: None,
    ) -> Object:
        query = {"fieldManager": MANAGER, **(query or {})}
        answer = self._wire.send(method, path, action, query, body=body, content_type=content_type)
        for warning in warnings(answer.headers):
            hear(warning)
        return self._wire.checked(action, answer)

    def _path(self, api_version: str, kind: str, namespace: str | None, name: str | None = None) -> str:
        resource = self._resource(api_version, kind)
        if resource.namespaced and name and not namespace:
            raise InputError(f'{kind} "{name}" lives in a namespace; name it with namespace.')
        return str(resource.path(name=name, namespace=namespace if resource.namespaced else None))

    def _resource(self, api_version: str, kind: str) -> Any:
        with self._discovery:
            if (api_version, kind) not in self._resources:
                try:
                    self._resources[api_version, kind] = _discovered(
                        lambda: self._client.resource(kind, api_version),
                        lambda: self.host,
                        lambda: self._wire.proxy,
                    )
                except (ResourceNotFoundError, ResourceNotUniqueError) as error:
                    raise InputError(
                        f'{self.host} knows no kind "{kind}" in apiVersion "{api_version}"; '
                        "check both (kubectl api-resources lists them)."
                    ) from error
            return self._resources[api_version, kind]


def _what(kind: str, name: str | None, namespace: str | None) -> str:
    thing = f'{kind} "{name}"' if name else f"{kind} objects"
    return f'{thing} in namespace "{namespace}"' if namespace else thing


class _PluginFailures(logging.Handler):
    """What the kubernetes library logs of a credential plugin that failed, before it goes on as nobody."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.module == kube_config.__name__.rpartition(".")[2]:
            self.said.append(record.getMessage())


@contextmanager
def _plugin_failures() -> Iterator[list[str]]:
    failures, log = _PluginFailures(), logging.getLogger()
    log.addHandler(failures)
    try:
        yield failures.said
    finally:
        log.removeHandler(failures)


def _check_plugin(failures: list[str], auth: Mapping[str, Any], cause: ClusterError | None = None) -> None:
    given = partial(_given, auth, os.environ)
    # These take the place of what a kubeconfig's user has.
    own = given("api_key") or given("username") or given("client_cert", "CERT_FILE")
    if failures and not own:
        raise InputError(
            f"The credential plugin (exec) of {_named(auth)} gives no credentials: "
            f"{' '.join(failures[-1].removeprefix('exec: ').split())}; run its command by hand to see why."
        ) from cause


def _in_a_pod(environ: Mapping[str, str]) -> str:
    """What a job of AWX, which runs in a pod, has to be told: kubelet sets this variable in every container."""
    if not environ.get("KUBERNETES_SERVICE_HOST"):
        return ""
    return (
        "the account of the pod that this runs in, which is of the cluster around it, is used only with "
        "allow_in_cluster (bluegreen_allow_in_cluster): attach a Kubernetes credential to the AWX job template, or "
    )


def _warn_of_anybody(configuration: Any) -> None:
    """Ansible shows the same warning once a run, however many tasks give it."""
    if str(configuration.host).startswith("https:") and not configuration.verify_ssl:
        warn(
            f"The certificate of {configuration.host} is not verified, so whoever is on the way can read the token: "
            "give the cluster's CA as ca_cert or K8S_AUTH_SSL_CA_CERT, and leave validate_certs and "
            "K8S_AUTH_VERIFY_SSL on (AWX turns it off for a credential without certificate authority data)."
        )


def _names_an_object(status: Object) -> bool:
    """A 404 for an object, not for a path or a kind that the server does not know."""
    return bool((status.get("details") or {}).get("name"))


def _named(auth: Mapping[str, Any]) -> str:
    source = auth.get("kubeconfig") or os.environ.get("K8S_AUTH_KUBECONFIG") or "the environment"
    return source if isinstance(source, str) else "the kubeconfig given as a dictionary"


def _configured_host(auth: Mapping[str, Any]) -> str:
    """Where the client was about to go, for the time before there is a client."""
    given = auth.get("host") or os.environ.get("K8S_AUTH_HOST")
    return str(given or Configuration.get_default_copy().host or "the cluster")


def _configured_proxy(auth: Mapping[str, Any]) -> str:
    given = auth.get("proxy") or os.environ.get("K8S_AUTH_PROXY")
    if not given:
        configuration = Configuration.get_default_copy()
        # It looks into the environment anew, because that has a proxy for each scheme.
        configuration.host = _configured_host(auth)
        given = configuration.proxy
    return without_user(str(given or ""))


def _is_of_a_header(error: BaseException | None) -> bool:
    """Whether http.client refused one, whatever the library made of that."""
    return error is not None and (
        "header value" in str(error).casefold() or _is_of_a_header(error.__context__)
    )


def _discovered(call: Callable[[], T], host: Callable[[], str], proxy: Callable[[], str]) -> T:
    """Discovery through kubernetes.core, which has no time-out, with ours and our sentences."""
    action = "find out what the API offers"
    for pause in (*PAUSES, None):
        try:
            return within(_DISCOVERY_SECONDS, call)
        except DynamicApiError as error:
            failure = raised(refusal(action, host(), error.status, _status_of(error)))
            if pause is None or not is_transient(failure):
                raise failure from error
        except (urllib3.exceptions.HTTPError, TimeoutError) as error:
            if pause is None or isinstance(error, TimeoutError):
                raise raised(no_answer(action, host(), error, proxy())) from error
        except ValueError as error:
            if not _is_of_a_header(error):
                raise
            raise raised(no_header(action, host())) from None
        time.sleep(pause)
    raise AssertionError("the last round returns or raises")


def _status_of(error: Any) -> Object:
    try:
        status = json.loads(error.body or "null")
    except ValueError:
        status = None
    return status if isinstance(status, dict) else {}
