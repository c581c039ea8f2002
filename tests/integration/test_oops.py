# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An evening with bin/oops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from shop import CHECKOUT, Shop


def test_oops(shop: Shop) -> None:
    own = {key: value for key, value in shop.variables().items() if key != "bluegreen_app"}
    own["elb-name"] = own.pop("bluegreen_load_balancer")
    own["bluegreen_hold_after_rollback"] = True
    four = {"application-name": shop.name, "deployment-group": "shop-production", "s3-bucket": "bundles"}
    (shop.folder / ".oopsrc").write_text(json.dumps(own | four))

    def oops(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, CHECKOUT / "bin" / "oops", *words],
            check=False,
            cwd=shop.folder,
            env=shop.environment,
            capture_output=True,
            text=True,
            timeout=shop.settings.patience,
        )

    assert f"{shop.settings.http_port} -> green" in oops("status").stdout
    first = oops("deploy", "0012345")
    assert first.returncode == 0, first.stdout + first.stderr
    assert shop.commit() == "0012345"
    planned = oops("deploy", "0000002", "--check")
    assert planned.stdout.startswith("Plan: shop 0012345 (live) -> 0000002 on green; 2 objects")
    assert shop.commit() == "0012345"
    assert oops("deploy", "0000002").returncode == 0
    assert oops("rollback").returncode == 0
    assert shop.commit() == "0012345"
    refused = oops("rollback")
    assert refused.returncode == 2
    assert "no good release served before 0012345" in " ".join(refused.stdout.split())
    # Nobody brings the bad one back before somebody has said so.
    held = oops("deploy", "0000002")
    assert held.returncode == 2
    assert "went back from 0000002 to 0012345" in held.stdout + held.stderr
    assert "the hold is released, deploys go on" in oops("release").stdout
    assert "-> 0000002 on green" in oops("deploy", "0000002", "--check").stdout
    listed = oops("list").stdout
    assert "hold released" in listed
    assert "rolled back from 0000002" in listed


def test_ctrl_c_says_how_things_are_left(shop: Shop, tmp_path: Path) -> None:
    hook, begun = tmp_path / "held.yml", tmp_path / "begun"
    # It says from within that it stands still: between two tasks Ansible may be anywhere.
    held = {"name": "Stand still", "ansible.builtin.command": f"sh -c 'touch {begun}; exec sleep 60'"}
    hook.write_text(json.dumps([held]))
    own = {key: value for key, value in shop.variables().items() if key.startswith("bluegreen_")}
    (shop.folder / ".oopsrc").write_text(json.dumps(own | {"bluegreen_hooks": {"before_stage": [str(hook)]}}))
    deploying = subprocess.Popen(
        [sys.executable, CHECKOUT / "bin" / "oops", "deploy", "0012345"],
        cwd=shop.folder,
        env=shop.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    os.killpg(deploying.pid, signal.SIGINT)
    said, _unused = deploying.communicate(timeout=shop.settings.patience)
    assert deploying.returncode == 99, said
    last = " ".join(said.split()).rpartition("✘ ")[2]
    assert last.startswith("shop: stopped while the idle color was brought up: who serves is unchanged")
    assert shop.objects() == {}
