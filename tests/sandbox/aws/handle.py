"""The sandbox's AWS as tests use it: a process of its own, and what can be asked of it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

REGION = "us-east-1"
# The directory that `sandbox` is imported from.
_TESTS = Path(__file__).resolve().parents[2]


class Aws:
    def __init__(
        self,
        folder: Path,
        node_address: str = "127.0.2.1",
        address_prefix: str = "127.0.1.",
        port: int = 0,
        health_interval_scale: float = 1.0,
        tag_limit: int = 50,
    ):
        self.folder = folder
        self.node_address = node_address
        self._options = {
            "folder": folder,
            "node-address": node_address,
            "address-prefix": address_prefix,
            "port": port,
            "health-interval-scale": health_interval_scale,
            "tag-limit": tag_limit,
        }
        self.endpoint_url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when the endpoint answers. It ends with this process, however that ends."""
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "aws.log"
        with log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "sandbox.aws", "--child"),
                    *(f"--{name}={value}" for name, value in self._options.items()),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=os.environ | {"PYTHONPATH": str(_TESTS)},
                # A Ctrl-C is for us; the sandbox ends after we have.
                start_new_session=True,
            )
        assert self._process.stdout is not None
        told = self._process.stdout.readline()
        if not told:
            self._process.wait()
            raise RuntimeError(f"The sandbox's AWS did not start: {log.read_text()[-2000:]}")
        self.endpoint_url = json.loads(told)["endpoint_url"]

    def stop(self) -> None:
        """At once: it keeps nothing, and Envoy ends with it."""
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def environment(self) -> dict[str, str]:
        """What points an SDK here."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "sandbox",
            "AWS_SECRET_ACCESS_KEY": "sandbox-secret-access-key",
            "AWS_DEFAULT_REGION": REGION,
        }

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client for it."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="sandbox",
            aws_secret_access_key="sandbox-secret-access-key",
            region_name=REGION,
            **options,
        )

    def fault(self, kind: str, action: str = "*", **options: Any) -> None:
        """Add a fault; kinds and options are those of `sandbox.aws.faults.Fault`."""
        self._post("faults", kind=kind, action=action, **options)

    def clear(self) -> None:
        """Forget all faults, and let go what is held."""
        self._ask("DELETE", "faults")

    def calls(self, since: int = 0) -> list[dict[str, Any]]:
        """The calls after number `since`, as `sandbox.aws.calls.Call` has them."""
        found: list[dict[str, Any]] = self._ask("GET", "calls", since=since)
        return found

    def mark(self) -> int:
        """The number of the last call until now, for `calls`."""
        return int(self._ask("GET", "mark"))

    def held(self) -> list[int]:
        """The numbers of the calls that a fault holds now."""
        found: list[int] = self._ask("GET", "held")
        return found

    def wait_held(self, count: int = 1, timeout: float = 30.0) -> list[int]:
        """Returns when so many calls are held; TimeoutError when they do not come within `timeout` seconds."""
        found: list[int] = self._ask("GET", "held", count=count, timeout=timeout)
        if len(found) < count:
            raise TimeoutError(f"{len(found)} of {count} calls were held after {timeout:g} s.")
        return found

    def release(self, fate: str = "apply") -> None:
        """Let all held calls take effect, or `drop` them; returns when they have, or are lost."""
        self._post("release", fate=fate)

    def set(self, **settings: float | str) -> None:
        """`latency_ms` of every call, `health_interval_scale`, `tag_limit`, `early_backend_policies`."""
        self._post("settings", **settings)

    def ports(self, load_balancer: str) -> dict[int, str]:
        """Where each listener of the load balancer is answered: port to `address:port`."""
        found = self._ask("GET", "load-balancers")[load_balancer]
        return {int(port): f"{found['address']}:{bound}" for port, bound in found["ports"].items()}

    def _post(self, path: str, **body: Any) -> None:
        self._request("POST", path, json.dumps(body).encode())

    def _ask(self, method: str, path: str, **query: Any) -> Any:
        return self._request(method, f"{path}?{urlencode(query)}", None)

    def _request(self, method: str, path: str, body: bytes | None) -> Any:
        request = urllib.request.Request(f"{self.endpoint_url}/sandbox/{path}", body, method=method)
        try:
            with _direct.open(request) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None


# Whatever proxy the environment names is not for this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
