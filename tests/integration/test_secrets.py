"""No secret of a run is in what it prints, returns, or writes into the cluster and onto the load balancer."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from shop import Finished, Shop

pytestmark = [pytest.mark.both_doors, pytest.mark.sandbox]

AWS_SECRET = "hunter2/secret+key%"
AWS_TOKEN = "hunter2-session"


def _found_in(shop: Shop, secrets: list[str], *texts: str) -> list[str]:
    kinds = "deployment,service,configmap,secret,lease,replicaset,event"
    told = [
        *texts,
        shop.kubectl("get", kinds, "-n", shop.namespace, "-o", "json"),
        json.dumps(shop.balancer.tags),
    ]
    spelt = {
        each
        for secret in secrets
        for each in (
            secret,
            repr(secret)[1:-1],
            quote(secret, safe=""),
            base64.b64encode(secret.encode()).decode(),
        )
    }
    return [text[max(0, text.index(each) - 300) :][:400] for each in spelt for text in told if each in text]


def _kubeconfig(shop: Shop, end: str) -> tuple[str, str]:
    """The tests' own, with its token in a file that ends so; and the token."""
    config: dict[str, Any] = json.loads(Path(os.environ["KUBECONFIG"]).read_text())
    user = config["users"][0]["user"]
    token = user.pop("token")
    (shop.folder / "token").write_text(token + end)
    user["tokenFile"] = "token"
    (shop.folder / "config").write_text(json.dumps(config))
    return str(shop.folder / "config"), token


def test_no_secret_is_left_anywhere(shop: Shop, tmp_path: Path) -> None:
    kubeconfig, token = _kubeconfig(shop, "\n")
    hook = tmp_path / "hook.yml"
    hook.write_text(
        f"- ansible.builtin.fail:\n    msg: \"no: {{{{ lookup('file', '{tmp_path}/token') }}}}\"\n"
    )
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": AWS_SECRET, "AWS_SESSION_TOKEN": AWS_TOKEN}
    secrets = [token, AWS_SECRET, AWS_TOKEN]
    result = tmp_path / "result.json"

    def play(environment: dict[str, str], **variables: Any) -> Finished:
        given = {**keys, "KUBECONFIG": kubeconfig, **environment}
        return shop.play(
            "deploy",
            "-vvv",
            environment=given,
            bluegreen_result_file=str(result),
            **{"commit": "v1", **variables},
        )

    finished = play({})
    assert finished.outcome == "deployed", finished.output
    assert _found_in(shop, secrets, finished.output, result.read_text()) == []

    finished = play({}, commit="v2", bluegreen_hooks={"before_swap": [str(hook)]})
    assert finished.code == 2, finished.output
    # Ansible prints what a hook says, and the result quotes it; the ledger, which outlives the run, does not.
    assert _found_in(shop, secrets) == []
    assert shop.events()[-1]["cause"].endswith("no: ********")

    finished = play(
        {},
        bluegreen_kubernetes={
            "host": _server(kubeconfig),
            "api_key": "hunter2-stranger\n",
            "validate_certs": False,
        },
    )
    assert "401 Unauthorized" in finished.output
    assert _found_in(shop, [*secrets, "hunter2-stranger"], finished.output, result.read_text()) == []

    finished = play({"AWS_SESSION_TOKEN": f"{AWS_TOKEN}\r"})
    assert "The value of AWS_SESSION_TOKEN holds a line end" in finished.output
    assert _found_in(shop, secrets, finished.output, result.read_text()) == []


def _server(kubeconfig: str) -> str:
    return str(json.loads(Path(kubeconfig).read_text())["clusters"][0]["cluster"]["server"])
