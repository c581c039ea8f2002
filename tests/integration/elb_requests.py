"""Requests to Classic ELB as boto3 takes them, and how one is refused."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

GONE = "arn:aws:acm:us-east-1:123456789012:certificate/11111111-2222-3333-4444-555555555555"
GONE_IAM = "arn:aws:iam::123456789012:server-certificate/gone"


def refusal(elb: Any, action: str, **given: Any) -> tuple[str, int]:
    """The code and HTTP status with which a call is refused."""
    with pytest.raises(ClientError) as caught:
        getattr(elb, action)(**given)
    response = caught.value.response
    assert response["ResponseMetadata"]["RequestId"]
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def listeners(*specs: dict[str, Any]) -> dict[str, Any]:
    return {"Listeners": list(specs)}


def policy(type_name: str, **attributes: str) -> dict[str, Any]:
    return {
        "PolicyName": "policy",
        "PolicyTypeName": type_name,
        "PolicyAttributes": [
            {"AttributeName": name.replace("_", "-"), "AttributeValue": value}
            for name, value in attributes.items()
        ],
    }


def check(**changed: Any) -> dict[str, Any]:
    usual = {
        "Target": "HTTP:30081/healthz",
        "Interval": 30,
        "Timeout": 5,
        "UnhealthyThreshold": 2,
        "HealthyThreshold": 2,
    }
    return {"HealthCheck": {**usual, **changed}}


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]
