"""Strict moto, its data plane and the HTTP server in this process."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.test import EnvironBuilder

from sandbox.aws.addresses import Addresses
from sandbox.aws.answers import Answer
from sandbox.aws.control import PREFIX, Control
from sandbox.aws.data_plane import DataPlane
from sandbox.aws.gate import Gate
from sandbox.aws.http_server import HttpServer
from sandbox.aws.strict.backend import Surroundings
from sandbox.aws.strict.install import install

REGION = "us-east-1"
# Their first calls import and make what takes a second.
_FIRST_CALLS = (
    ("elasticloadbalancing", "2012-06-01", "DescribeLoadBalancers"),
    ("ec2", "2016-11-15", "DescribeSubnets"),
)


@dataclass(frozen=True)
class Settings:
    folder: Path
    node_address: str = "127.0.2.1"
    address_prefix: str = "127.0.1."
    port: int = 0
    # What a health check's interval is multiplied with.
    health_interval_scale: float = 1.0
    tag_limit: int = 50


class Server:
    def __init__(self, settings: Settings):
        settings.folder.mkdir(parents=True, exist_ok=True)
        addresses = Addresses(settings.address_prefix)
        self._plane = DataPlane(
            settings.folder, settings.node_address, addresses, settings.health_interval_scale
        )
        self._plane.start()
        surroundings = Surroundings(addresses, settings.tag_limit, self._plane.prober.health)
        install(surroundings)
        self._gate = Gate(DomainDispatcherApplication(_backend_app), self._plane.refresh)
        self._control = Control(self._gate, self._plane, surroundings)
        self._http = HttpServer(settings.port, self._answer)
        # It would read a thousand machine images that nobody asks for.
        os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        for call in _FIRST_CALLS:
            self._gate.ask_moto(_first_call(*call))
        self._plane.wait()

    @property
    def endpoint_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def serve(self) -> None:
        """Until `close` is called from another thread."""
        self._http.serve_forever()

    def close(self) -> None:
        self._http.shutdown()
        self._plane.stop()

    def _answer(self, environ: dict[str, Any], body: bytes) -> Answer:
        inside = environ["PATH_INFO"].startswith(PREFIX)
        return (self._control if inside else self._gate).answer(environ, body)


def _backend_app(service: Any) -> Any:
    """moto's, which answers what it cannot do instead of raising it into our server."""
    app = create_backend_app(service)
    app.debug = False
    return app


def _first_call(service: str, version: str, action: str) -> dict[str, Any]:
    scope = f"AWS4-HMAC-SHA256 Credential=sandbox/20260101/{REGION}/{service}/aws4_request"
    return EnvironBuilder(
        method="POST", data={"Action": action, "Version": version}, headers={"Authorization": scope}
    ).get_environ()
