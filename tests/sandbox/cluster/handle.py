"""The cluster as a test holds it."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

_STOP_SECONDS = 10
_TESTS = Path(__file__).resolve().parents[2]


class Cluster:
    """A cluster in a process of its own, which ends with this one.

    `url`, `kubeconfig` and `token` are known once it runs. Node ports are opened on `node_address`.
    """

    def __init__(self, folder: Path, node_address: str = "127.0.2.1", port: int = 0) -> None:
        self.folder = Path(folder)
        self.node_address = node_address
        self.kubeconfig = self.folder / "kubeconfig"
        self.url = ""
        self.token = ""
        self._port = port
        self._process: subprocess.Popen[str] | None = None
        self._tls: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_unused: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when it serves; RuntimeError with its last words when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "cluster.log"
        command = [
            sys.executable, "-m", "sandbox.cluster", "--tethered", "--folder", str(self.folder),
            "--node-address", self.node_address, "--port", str(self._port),
        ]  # fmt: skip
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONPATH": str(_TESTS)},
                start_new_session=True,
            )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            self._process.wait()
            raise RuntimeError(f"The sandbox's cluster did not start: {log.read_text()[-2000:]}")
        self._attach()

    @classmethod
    def attached(cls, folder: Path) -> Self:
        """A cluster that somebody else started in the folder, and that stays when this one goes."""
        cluster = cls(folder)
        cluster._attach()
        return cluster

    def _attach(self) -> None:
        config = json.loads(self.kubeconfig.read_text())
        self.url = config["clusters"][0]["cluster"]["server"]
        self.token = config["users"][0]["user"]["token"]
        self._tls = ssl.create_default_context(cafile=str(self.folder / "ca.crt"))

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> tuple[int, Any]:
        """One request to the API: its status, and the body as JSON where it is some, else as text."""
        status, _unused, text, is_json = self._send(method, path, body, content_type, headers or {})
        return status, json.loads(text) if is_json else text

    def headers_of(self, method: str, path: str, body: Any = None) -> list[tuple[str, str]]:
        """The headers of an answer."""
        return self._send(method, path, body, "application/json", {})[1]

    def watch(self, path: str, seconds: float) -> Iterator[dict[str, Any]]:
        """The events of a watch, for so long; `path` may have a query."""
        separator = "&" if "?" in path else "?"
        query = f"{separator}watch=true&timeoutSeconds={seconds:g}"
        request = urllib.request.Request(self.url + path + query)
        request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, context=self._tls) as stream:
            for line in stream:
                yield json.loads(line)

    def requests(self) -> list[dict[str, Any]]:
        """Every request that the API saw: method, path, query, user, status, seconds, agent."""
        seen: list[dict[str, Any]] = self._ask("requests")["requests"]
        return seen

    def forget_requests(self) -> None:
        self._ask("forget_requests")

    def fail_next(
        self, count: int, status: int, method: str = "", path: str = "", retry_after: int | None = None
    ) -> None:
        """The next requests whose method and path (a regular expression) match are answered with the status."""
        self._ask("fault", count=count, status=status, method=method, path=path, retry_after=retry_after)

    def drop_next(self, count: int, method: str = "", path: str = "") -> None:
        """The next matching requests get no answer: their connection is reset."""
        self._ask("fault", count=count, drop=True, method=method, path=path)

    def delay_next(self, count: int, seconds: float, method: str = "", path: str = "") -> None:
        self._ask("fault", count=count, delay=seconds, method=method, path=path)

    def cut_watches(self) -> None:
        """Breaks all open watches off."""
        self._ask("cut_watches")

    def expire_watches(self, count: int) -> None:
        """The next watches are told 410 at once."""
        self._ask("expire_watches", count=count)

    def forget_history(self) -> None:
        """A watch from any version before now is told 410."""
        self._ask("forget_history")

    def forbid(self, verb: str = "", resource: str = "", user: str = "", namespace: str = "") -> None:
        """Refuses a verb on a resource (`pods`, `pods/log`); what is left out stands for any."""
        self._ask("forbid", verb=verb, resource=resource, user=user, namespace=namespace)

    def add_token(self, token: str, user: str) -> None:
        self._ask("token", token=token, user=user)

    def revoke_token(self, token: str) -> None:
        self._ask("revoke", token=token)

    def add_images(self, *patterns: str) -> None:
        """`repository:tag` with `*`; such an image runs the sandbox's application."""
        self._ask("images", known=list(patterns))

    def lose_images(self, *patterns: str) -> None:
        """Images that cannot be pulled any more."""
        self._ask("images", missing=list(patterns))

    def restart(self, seconds: float) -> None:
        """Closes the API server for so long; what it knows it keeps."""
        self._ask("restart_server", seconds=seconds)

    def clear(self) -> None:
        """Takes back faults, refusals and lost images."""
        self._ask("clear")

    def _ask(self, what: str, **body: Any) -> Any:
        status, answer = self.request("POST", f"/sandbox/{what}", body)
        if status != 200:
            raise RuntimeError(answer)
        return answer

    def _send(
        self, method: str, path: str, body: Any, content_type: str, headers: dict[str, str]
    ) -> tuple[int, list[tuple[str, str]], str, bool]:
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", content_type)
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            answer = urllib.request.urlopen(request, context=self._tls)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            is_json = answer.headers.get("Content-Type", "").startswith("application/json")
            return answer.status, answer.headers.items(), answer.read().decode(), is_json
