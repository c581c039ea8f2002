"""Strict AWS with working load balancers, in the foreground: python -m sandbox.aws --folder FOLDER"""

import argparse
import gc
import json
import signal
import sys
import threading
from dataclasses import fields
from pathlib import Path

# Nothing of moto and botocore is ever garbage: looking for it doubles the start, and takes 0.1 s now and then.
gc.disable()

from sandbox.aws.server import Server, Settings


def main() -> None:
    arguments = _arguments()
    server = Server(Settings(**{field.name: getattr(arguments, field.name) for field in fields(Settings)}))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_unused: threading.Thread(target=server.close).start())
    gc.freeze()
    gc.enable()
    if arguments.child:
        threading.Thread(target=_close_when_orphaned, args=(server,), daemon=True).start()
        print(json.dumps({"endpoint_url": server.endpoint_url}), flush=True)
    else:
        print(f"AWS is at {server.endpoint_url}; its logs are in {arguments.folder}.", flush=True)
    server.serve()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.aws", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for logs and Envoy's files")
    parser.add_argument("--node-address", default=Settings.node_address, help="where node ports are reached")
    parser.add_argument(
        "--address-prefix", default=Settings.address_prefix, help="load balancers get PREFIX1, PREFIX2 ..."
    )
    parser.add_argument("--port", type=int, default=Settings.port, help="of the endpoint; 0 takes a free one")
    parser.add_argument(
        "--health-interval-scale",
        type=float,
        default=Settings.health_interval_scale,
        help="0.1: ten times as fast",
    )
    parser.add_argument("--tag-limit", type=int, default=Settings.tag_limit, help="tags of a load balancer")
    parser.add_argument(
        "--child", action="store_true", help="tell the endpoint as JSON; end when standard input does"
    )
    return parser.parse_args()


def _close_when_orphaned(server: Server) -> None:
    sys.stdin.buffer.read()
    server.close()


if __name__ == "__main__":
    main()
