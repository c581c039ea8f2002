# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""As much of AWX 24.6.1's REST API as its collection asks for when it makes things, and as strict.

Rules are those of awx/api/serializers.py, awx/api/views/ and awx/main/models/ of ansible/awx; beyond them it refuses fields
and filters that it does not know, which AWX would ignore. Nothing runs: a project is synchronized when it is made, and has
the playbooks that it was told of.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

USER, PASSWORD, TOKEN = "admin", "not-the-usual-one", "of-a-test"
_HIDDEN = "$encrypted$"
_ROOT = "/api/v2/"
_PATHS = ("success_nodes", "failure_nodes", "always_nodes")
_NOTIFIED = tuple(f"notification_templates_{event}" for event in ("started", "success", "error"))
_TEMPLATES = ("projects", "job_templates", "workflow_job_templates", "workflow_approval_templates")
# What a message may name, as awx/main/models/notifications.py stubs it.
_STUB = {
    "job": {"id": 42, "name": "Stub", "status": "running", "artifacts": {}, "url": "/api/v2/jobs/13/"},
    "job_friendly_name": "Job",
    "url": "https://awx/#/jobs/playbook/1010",
    "approval_status": "approved",
    "approval_node_name": "Approve Me",
    "workflow_url": "https://awx/#/workflows/1010",
    "job_metadata": "{}",
}
# Of the kinds of notifications, one without and one with a secret: their fields with defaults, None where there is none.
_NOTIFICATIONS: dict[str, dict[str, Any]] = {
    "mattermost": {
        "mattermost_url": None, "mattermost_username": "", "mattermost_channel": "", "mattermost_icon_url": "",
        "mattermost_no_verify_ssl": False,
    },
    "slack": {"token": None, "channels": None, "hex_color": ""},
}  # fmt: skip
_SECRETS = {"token", "password", "security_token", "bearer_token", "ssl_ca_cert"}


@dataclass(frozen=True)
class Kind:
    """A collection of the API: fields with their defaults, required ones, those that are the id of another kind's."""

    name: str
    fields: Mapping[str, Any]
    required: Collection[str] = ("name",)
    links: Mapping[str, str] = field(default_factory=dict)
    associations: Mapping[str, str] = field(default_factory=dict)
    # Accepted and not heeded.
    read_only: Collection[str] = ()


_ASKS = (
    "variables", "limit", "tags", "skip_tags", "job_type", "inventory", "credential", "scm_branch", "diff_mode", "verbosity",
)  # fmt: skip
_NAMED = {"name": None, "description": ""}
_NOTIFYING = dict.fromkeys(_NOTIFIED, "notification_templates")
KINDS = {
    each.name: each
    for each in (
        Kind("organizations", {**_NAMED, "max_hosts": 0, "default_environment": None}),
        Kind("credential_types", {**_NAMED, "kind": "cloud"}),
        Kind(
            "execution_environments",
            {**_NAMED, "image": None, "pull": "", "organization": None, "credential": None},
            required=("name", "image"),
            links={"organization": "organizations", "credential": "credentials"},
        ),
        Kind(
            "credentials",
            {**_NAMED, "organization": None, "credential_type": None, "inputs": {}},
            required=("name", "credential_type"),
            links={"organization": "organizations", "credential_type": "credential_types"},
        ),
        Kind(
            "projects",
            {
                **_NAMED, "organization": None, "scm_type": "", "scm_url": "", "scm_branch": "", "local_path": "",
                "credential": None, "scm_revision": "",
            },
            links={"organization": "organizations", "credential": "credentials"},
        ),
        Kind("project_updates", {"status": "successful", "scm_revision": "1"}, required=()),
        Kind(
            "inventories",
            {**_NAMED, "organization": None, "kind": "", "host_filter": None, "variables": ""},
            required=("name", "organization"),
            links={"organization": "organizations"},
        ),
        Kind(
            "hosts",
            {**_NAMED, "inventory": None, "enabled": True, "variables": ""},
            required=("name", "inventory"),
            links={"inventory": "inventories"},
        ),
        Kind(
            "notification_templates",
            {
                **_NAMED, "organization": None, "notification_type": None, "notification_configuration": {},
                "messages": None,
            },
            required=("name", "organization", "notification_type"),
            links={"organization": "organizations"},
        ),
        Kind(
            "job_templates",
            {
                **_NAMED, "organization": None, "job_type": "run", "inventory": None, "project": None, "playbook": "",
                "execution_environment": None, "extra_vars": "", "survey_enabled": False, "allow_simultaneous": False,
                "job_slice_count": 1, "diff_mode": False, "webhook_service": "",
                **{f"ask_{each}_on_launch": False for each in _ASKS},
            },
            required=("name", "project"),
            links={
                "inventory": "inventories", "project": "projects",
                "execution_environment": "execution_environments",
            },
            associations={"credentials": "credentials", **_NOTIFYING},
            read_only=("organization",),
        ),
        Kind(
            "workflow_job_templates",
            {
                **_NAMED, "organization": None, "extra_vars": "", "survey_enabled": False, "allow_simultaneous": False,
                "ask_variables_on_launch": False,
            },
            links={"organization": "organizations"},
            associations={**_NOTIFYING, "notification_templates_approvals": "notification_templates"},
        ),
        Kind(
            "workflow_job_template_nodes",
            {
                "identifier": None, "workflow_job_template": None, "unified_job_template": None, "extra_data": {},
                "job_type": None, "all_parents_must_converge": False,
            },
            required=("workflow_job_template",),
            links={"workflow_job_template": "workflow_job_templates", "unified_job_template": "unified_job_templates"},
            associations=dict.fromkeys(_PATHS, "workflow_job_template_nodes"),
            read_only=("type",),
        ),
        Kind("workflow_approval_templates", {**_NAMED, "timeout": 0}),
    )
}  # fmt: skip
_ASCENDER = {"context_template": "", "required_approvals": 1, "on_timeout": "deny"}


class Refused(Exception):
    def __init__(self, status: int, told: Any) -> None:
        super().__init__(str(told))
        self.status, self.told = status, told


class Awx:
    """An AWX without anything but its own credential types, or an Ascender."""

    def __init__(self, playbooks: Collection[str]) -> None:
        self.playbooks = set(playbooks)
        self.ascender = False
        self.written: list[str] = []
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._objects: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self._associated: dict[tuple[int, str], list[int]] = {}
        self._surveys: dict[int, dict[str, Any]] = {}
        for name in ("Amazon Web Services", "OpenShift or Kubernetes API Bearer Token"):
            self._store("credential_types", {**_NAMED, "name": name, "kind": "cloud"})

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, method: str, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        parts = path.removeprefix(_ROOT).strip("/").split("/")
        with self._lock:
            try:
                if method != "GET":
                    self.written.append(f"{method} {path}")
                return self._answer(method, parts, query, body or {})
            except Refused as refused:
                return refused.status, refused.told

    def _answer(self, method: str, parts: list[str], query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        match [method, *parts]:
            case ["POST", "tokens"]:
                return 201, {"id": 1, "token": TOKEN}
            case ["DELETE", "tokens", _]:
                return 204, None
            # Ascender's are there by their number alone, too.
            case ["GET", kind] if kind != "workflow_approval_templates":
                found = [self._shown(*each) for each in self._found(kind, query)]
                return 200, {"count": len(found), "next": None, "previous": None, "results": found}
            case ["POST", kind] if kind in KINDS:
                return 201, self._shown(kind, self._create(kind, body))
            case ["GET", kind, number] if kind in KINDS:
                return 200, self._shown(kind, self._object(kind, number))
            case ["PATCH", kind, number] if kind in KINDS:
                return 200, self._shown(kind, self._change(kind, self._object(kind, number), body))
            case ["DELETE", kind, number] if kind in KINDS:
                del self._objects[kind][self._object(kind, number)["id"]]
                return 204, None
            case ["GET", "job_templates" | "workflow_job_templates" as kind, number, "survey_spec"]:
                return 200, self._surveys.get(self._object(kind, number)["id"], {})
            case ["POST", "job_templates" | "workflow_job_templates" as kind, number, "survey_spec"]:
                _check_survey(body)
                self._surveys[self._object(kind, number)["id"]] = body
                return 200, None
            case ["POST", "workflow_job_template_nodes", number, "create_approval_template"]:
                node = self._object("workflow_job_template_nodes", number)
                made = self._create("workflow_approval_templates", body)
                node["unified_job_template"] = made["id"]
                return 201, self._shown("workflow_approval_templates", made)
            case [_, kind, number, association] if kind in KINDS and association in KINDS[kind].associations:
                return self._associate(method, kind, self._object(kind, number), association, body)
        raise Refused(404, {"detail": "Not found."})

    # Reading

    def _found(self, kind: str, query: Mapping[str, str]) -> Iterator[tuple[str, dict[str, Any]]]:
        kinds = _TEMPLATES if kind == "unified_job_templates" else (kind,)
        if kind not in KINDS and kind != "unified_job_templates":
            raise Refused(404, {"detail": "Not found."})
        for each in kinds:
            known = {"id", "type", "organization", *KINDS[each].fields}
            for name in query:
                if name.removeprefix("or__") not in known:
                    raise Refused(400, {"detail": f"{name} is not a field of {kind}"})
            for stands in self._objects[each].values():
                shown = self._shown(each, stands)
                same = {name: str(shown.get(name.removeprefix("or__"))) == query[name] for name in query}
                either = [hit for name, hit in same.items() if name.startswith("or__")]
                if all(hit for name, hit in same.items() if not name.startswith("or__")) and (
                    not either or any(either)
                ):
                    yield each, stands

    def _object(self, kind: str, number: str | int) -> dict[str, Any]:
        try:
            return self._objects[kind][int(number)]
        except (KeyError, ValueError):
            raise Refused(404, {"detail": "Not found."}) from None

    def _shown(self, kind: str, stands: Mapping[str, Any]) -> dict[str, Any]:
        own = f"{_ROOT}{kind}/{stands['id']}/"
        related = {each: f"{own}{each}/" for each in KINDS[kind].associations}
        if kind in ("job_templates", "workflow_job_templates"):
            related["survey_spec"] = f"{own}survey_spec/"
        template = stands.get("unified_job_template")
        if template:
            [of] = [each for each in _TEMPLATES if template in self._objects[each]]
            related["unified_job_template"] = f"{_ROOT}{of}/{template}/"
        shown = {key: _masked(value) for key, value in stands.items() if not key.startswith("_")}
        return {
            **(_ASCENDER if self.ascender and kind == "workflow_approval_templates" else {}),
            **shown,
            "type": "inventory" if kind == "inventories" else kind.removesuffix("s"),
            "url": own,
            "related": related,
            "summary_fields": {"current_update": {"id": stands["_update"]}} if "_update" in stands else {},
        }

    # Writing

    def _store(self, kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
        number = next(self._numbers)
        self._objects[kind][number] = made = {**values, "id": number}
        return made

    def _create(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        known = KINDS[kind]
        missing = [name for name in known.required if body.get(name) in (None, "")]
        if missing:
            raise Refused(400, {name: ["This field is required."] for name in missing})
        values = {**known.fields, **self._accepted(kind, body)}
        for stands in self._objects[kind].values() if "name" in known.fields else ():
            same = ("name", "organization", "inventory", "credential_type")
            if kind == "execution_environments":
                same = ("name",)
            if all(stands.get(each) == values.get(each) for each in same):
                raise Refused(400, {"__all__": [f"{kind} with this name already exists."]})
        self._check(kind, values)
        if kind == "projects" and values["scm_type"]:
            values |= {
                "scm_revision": "1",
                "_update": self._store("project_updates", {"status": "successful"})["id"],
            }
        return self._store(kind, values)

    def _change(self, kind: str, stands: dict[str, Any], body: Mapping[str, Any]) -> dict[str, Any]:
        values = {**stands, **self._accepted(kind, body)}
        if kind == "notification_templates" and stands["messages"] and values["messages"]:
            # Saving fills in the events that have no message.
            for event in ("started", "success", "error", "workflow_approval"):
                values["messages"].setdefault(event, stands["messages"].get(event))
        self._check(kind, values)
        stands.update(values)
        stands.pop("_update", None)
        return stands

    def _accepted(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        known = KINDS[kind]
        fields = {
            **known.fields,
            **(_ASCENDER if self.ascender and kind == "workflow_approval_templates" else {}),
        }
        values: dict[str, Any] = {}
        for name, value in body.items():
            if name in known.read_only:
                continue
            if name not in fields:
                raise Refused(400, {name: ["This field is unknown."]})
            if name in known.links and value not in (None, ""):
                kinds = _TEMPLATES if known.links[name] == "unified_job_templates" else (known.links[name],)
                if not any(value in self._objects[each] for each in kinds):
                    raise Refused(400, {name: [f"Invalid pk - object {value!r} does not exist."]})
            values[name] = _as_kept(name, value, fields[name])
        return values

    def _check(self, kind: str, values: dict[str, Any]) -> None:
        if kind == "job_templates":
            project = self._objects["projects"][values["project"]]
            values["organization"] = project["organization"]
            if values["playbook"] not in self.playbooks:
                raise Refused(400, {"playbook": ["Playbook not found for project."]})
        elif kind == "notification_templates":
            _check_notification(values)
        elif kind == "credentials":
            [of] = [
                each["name"]
                for each in self._objects["credential_types"].values()
                if each["id"] == values["credential_type"]
            ]
            _check_inputs(of, values["inputs"])
        elif kind == "workflow_job_template_nodes":
            self._check_node(values)

    def _check_node(self, node: Mapping[str, Any]) -> None:
        template = self._objects["job_templates"].get(node["unified_job_template"] or 0)
        if template is None:
            return
        if node["job_type"] and not template["ask_job_type_on_launch"]:
            raise Refused(400, {"job_type": ["Field is not configured to prompt on launch."]})
        questions = {each["variable"]: each for each in self._surveys.get(template["id"], {}).get("spec", [])}
        for name, value in node["extra_data"].items():
            if name not in questions:
                raise Refused(400, {"extra_data": [f"Variables {name} are not allowed on launch."]})
            if value not in questions[name].get("choices", [value]):
                raise Refused(
                    400, {"variables_needed_to_start": [f"Value {value} for {name} expected to be a choice."]}
                )

    def _associate(
        self, method: str, kind: str, stands: Mapping[str, Any], association: str, body: Mapping[str, Any]
    ) -> tuple[int, Any]:
        of = KINDS[kind].associations[association]
        numbers = self._associated.setdefault((stands["id"], association), [])
        if method == "GET":
            found = [self._shown(of, self._object(of, number)) for number in numbers]
            return 200, {"count": len(found), "next": None, "previous": None, "results": found}
        other = self._object(of, body["id"])
        if body.get("disassociate"):
            numbers.remove(other["id"])
            return 204, None
        if association == "credentials" and any(
            self._object(of, each)["credential_type"] == other["credential_type"] for each in numbers
        ):
            raise Refused(400, {"error": "Cannot assign multiple credentials of one type."})
        if association in _PATHS:
            paths = [each for each in _PATHS if each != association]
            if any(other["id"] in self._associated.get((stands["id"], each), []) for each in paths):
                raise Refused(400, {"Error": "Relationship not allowed."})
            if stands["id"] in self._after(other["id"]):
                raise Refused(400, {"Error": "Cycle detected."})
        numbers.append(other["id"])
        return 204, None

    def _after(self, node: int) -> set[int]:
        nexts = {each for path in _PATHS for each in self._associated.get((node, path), [])}
        return {node}.union(*(self._after(each) for each in nexts))


def _as_kept(name: str, value: Any, default: Any) -> Any:
    """As Django REST framework takes what is to be a number, a truth value or a text."""
    if isinstance(default, bool):
        if value not in (True, False):
            raise Refused(400, {name: ["Must be a valid boolean."]})
    elif isinstance(default, int):
        try:
            return int(value)
        except ValueError:
            raise Refused(400, {name: ["A valid integer is required."]}) from None
    elif isinstance(default, str) and not isinstance(value, str):
        raise Refused(400, {name: ["Not a valid string."]})
    return value.strip() if isinstance(value, str) else value


def _masked(value: Any, key: str = "") -> Any:
    if isinstance(value, dict):
        return {name: _masked(each, name) for name, each in value.items()}
    return _HIDDEN if key in _SECRETS and value else value


def _check_survey(survey: Mapping[str, Any]) -> None:
    if not all(isinstance(survey.get(name), str) for name in ("name", "description")) or not survey.get(
        "spec"
    ):
        raise Refused(400, {"error": "name, description or spec is missing from survey spec"})
    for question in survey["spec"]:
        wrong = [
            name for name in ("type", "question_name", "variable") if not isinstance(question.get(name), str)
        ]
        if wrong or not isinstance(question.get("required"), bool):
            raise Refused(400, {"error": f"{wrong or 'required'} missing from survey question"})
        if question["type"] not in ("text", "multiplechoice"):
            raise Refused(400, {"error": f"{question['type']} is not one of the allowed question types"})
        if not all(isinstance(question.get(name, 0), int) for name in ("min", "max")):
            raise Refused(400, {"error": "The limit expected to be integer."})
        if not isinstance(question.get("default", ""), str):
            raise Refused(400, {"error": "Default value expected to be string."})
        if question["type"] == "multiplechoice":
            choices, default = question["choices"], question.get("default", "")
            if not all(isinstance(each, str) for each in choices) or (default and default not in choices):
                raise Refused(400, {"error": "Default choice must be answered from the choices listed."})


def _check_inputs(kind: str, inputs: Mapping[str, Any]) -> None:
    needed, known = {
        "Amazon Web Services": ({"username", "password"}, {"security_token"}),
        "OpenShift or Kubernetes API Bearer Token": ({"host", "bearer_token"}, {"verify_ssl", "ssl_ca_cert"}),
    }[kind]
    if needed - set(inputs) or set(inputs) - needed - known:
        raise Refused(400, {"inputs": [f"{sorted(inputs)} are not the fields of {kind}"]})
    if not isinstance(inputs.get("verify_ssl", True), bool):
        raise Refused(400, {"inputs": {"verify_ssl": ["is not of type boolean"]}})


def _check_notification(values: dict[str, Any]) -> None:
    fields, given = _NOTIFICATIONS[values["notification_type"]], values["notification_configuration"]
    missing = [name for name, default in fields.items() if default is None and name not in given]
    if missing:
        raise Refused(
            400, {"__all__": [f"Missing required fields for Notification Configuration: {missing}."]}
        )
    values["notification_configuration"] = {**fields, **given}
    for event, told in (values["messages"] or {}).items():
        if event not in ("started", "success", "error", "workflow_approval"):
            raise Refused(400, {"messages": [f"Event '{event}' invalid"]})
        for each in (told or {}).values() if event == "workflow_approval" else [told]:
            _check_message(each or {})


def _check_message(told: Mapping[str, str]) -> None:
    for kind, text in told.items():
        if kind not in ("message", "body") or (kind == "message" and "\n" in text):
            raise Refused(400, {"messages": ["Messages cannot contain newlines"]})
        try:
            ImmutableSandboxedEnvironment(undefined=StrictUndefined).from_string(text).render(_STUB)
        except TemplateError as error:
            raise Refused(400, {"messages": [f"Unable to render message '{text}': {error}"]}) from None


def _handler(awx: Awx) -> type[BaseHTTPRequestHandler]:
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            text = self.rfile.read(length)
            asked = urlsplit(self.path)
            if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", f"Basic {basic}"):
                status, told = 401, {"detail": "Authentication credentials were not provided."}
            else:
                query = dict(parse_qsl(asked.query, keep_blank_values=True))
                status, told = awx.answer(self.command, asked.path, query, json.loads(text) if text else None)
            payload = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
