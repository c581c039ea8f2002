"""What an AWS call is, read from its HTTP request, and the record of all that came."""

import json
import re
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qsl

QUERY, EC2, JSON, REST = "query", "ec2", "json", "rest"
_READING = re.compile("Describe|Get|List|Head")
_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type": ?"(?:[^"#]*#)?([^"]+)"')


@dataclass
class Call:
    """`time` is of the epoch and `duration` in seconds; `status` is None where no answer was given.

    `params` nests as boto3's do, with every value a string where the service speaks the query protocol.
    """

    action: str
    service: str
    protocol: str
    params: dict[str, Any]
    connection: str
    user_agent: str
    number: int = 0
    time: float = 0.0
    duration: float | None = None
    status: int | None = None
    code: str | None = None
    request_id: str | None = None

    @property
    def writes(self) -> bool:
        return not _READING.match(self.action)


def parse_call(environ: dict[str, Any], body: bytes) -> Call:
    scope = re.search(r"Credential=[^/]+/\d+/[^/]*/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else ""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    is_form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
    form = dict(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else {}
    if target:
        protocol, action, params = JSON, target.rpartition(".")[2], json.loads(body or b"{}")
    elif "Action" in form:
        protocol, action = (EC2 if service == "ec2" else QUERY), form.pop("Action")
        form.pop("Version", None)
        params = _nested(form.items())
    else:
        protocol, params = REST, {}
        action = f"{environ['REQUEST_METHOD'].title()} {environ['PATH_INFO']}"
    return Call(
        action=action,
        service=service,
        protocol=protocol,
        params=params,
        connection=f"{environ['REMOTE_ADDR']}:{environ['REMOTE_PORT']}",
        user_agent=environ.get("HTTP_USER_AGENT", ""),
    )


def error_code(body: bytes) -> str | None:
    match = _ERROR_CODE.search(body)
    return (match[1] or match[2]).decode() if match else None


class CallLog:
    def __init__(self) -> None:
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def add(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            call.number = len(self._calls)

    def __len__(self) -> int:
        return len(self._calls)

    def since(self, number: int) -> list[dict[str, Any]]:
        """Those after the call of that number, in the order in which they came."""
        return [asdict(call) for call in self._calls[number:]]


def _nested(form: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """`{"Tags.member.1.Key": "a"}` becomes `{"Tags": [{"Key": "a"}]}`."""
    tree: dict[str, Any] = {}
    for name, value in form:
        *path, last = [part for part in name.split(".") if part != "member"]
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = value
    lists = _numbered_to_lists(tree)
    assert isinstance(lists, dict)
    return lists


def _numbered_to_lists(tree: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    values = {key: _numbered_to_lists(value) for key, value in tree.items()}
    if values and all(key.isdigit() for key in values):
        return [values[key] for key in sorted(values, key=int)]
    return values
