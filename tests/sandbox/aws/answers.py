"""Answers, and errors as each of AWS's protocols writes them."""

import json
import uuid
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from sandbox.aws.calls import EC2, JSON, QUERY, REST

_ENVELOPES = {
    QUERY: (
        "<ErrorResponse><Error><Type>{type}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        "<RequestId>{id}</RequestId></ErrorResponse>"
    ),
    EC2: (
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        "<RequestID>{id}</RequestID></Response>"
    ),
    REST: "<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{id}</RequestId></Error>",
}


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


def error_answer(protocol: str, status: int, code: str, message: str) -> Answer:
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    if protocol == JSON:
        text = json.dumps({"__type": code, "message": message})
        return Answer(status, [*headers, ("Content-Type", "application/x-amz-json-1.1")], text.encode())
    text = _ENVELOPES[protocol].format(
        type="Sender" if status < 500 else "Receiver",
        code=escape(code),
        message=escape(message),
        id=request_id,
    )
    return Answer(status, [*headers, ("Content-Type", "text/xml")], text.encode())


def page(status: int) -> Answer:
    """What a proxy shows to a person."""
    text = f"<html><head><title>{status}</title></head><body>Try later.</body></html>"
    return Answer(status, [("Content-Type", "text/html")], text.encode())


def json_answer(status: int, value: object) -> Answer:
    return Answer(status, [("Content-Type", "application/json")], json.dumps(value).encode())
