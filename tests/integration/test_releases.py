# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back, told as stories: what people did before, one rollback, and who answers then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from balancers import listener, make
from shop import Finished, Shop

from sandbox.aws import Aws


def ended(finished: Finished) -> tuple[str | None, str | None, int]:
    """Outcome, commit and the number of changed tasks."""
    return finished.outcome, finished.result.get("commit"), finished.changed


def test_two_bad_deploys_and_the_way_back_to_before_both(shop: Shop) -> None:
    first = shop.deploy("0000001")
    assert first.outcome == "deployed", first.output
    refused = shop.rollback()
    assert refused.outcome == "refused"
    assert "no good release served before 0000001" in refused.reason

    shop.deployed("0000002")
    # The fix of the bad one does not even start; it does not take the way back.
    fix = shop.deploy("0000003", bluegreen_image=shop.bad_image("0000003"))
    assert (fix.outcome, shop.commit()) == ("stage_failed", "0000002"), fix.output
    back = shop.rollback()
    assert ended(back)[:2] == ("rolled_back", "0000001"), back.output
    assert shop.commit() == "0000001"

    # Two more bad ones that did start: 0000001 stands on no color any more.
    shop.deployed("0000004", "0000005")
    assert ended(shop.rollback())[:2] == ("rolled_back", "0000004")
    again = shop.rollback()
    assert ended(again)[:2] == ("rolled_back", "0000001"), again.output
    assert shop.commit() == "0000001"
    assert shop.deployment(shop.who())["metadata"]["labels"]["app.kubernetes.io/version"] == "0000001"
    last = shop.rollback()
    assert (last.outcome, shop.commit()) == ("refused", "0000001"), last.output

    listed = shop.play("list")
    lines = [
        line.strip().strip('",')
        for line in listed.output.splitlines()
        if "  0000" in line or "0000003" in line
    ]
    commits = [next(word for word in line.split() if word.startswith("0000")) for line in lines]
    assert commits[-3:] == ["0000005", "0000004", "0000001"], listed.output
    assert lines[-1].split()[0] == "live"
    assert any("0000003" in line and "stage_failed: " in line for line in lines)


def test_a_commit_can_be_chosen_and_comes_back_as_it_was(shop: Shop) -> None:
    shop.deployed("0000001", bluegreen_env={"COMMIT": "as it was"})
    shop.deployed("0000002", "0000003")
    chosen = shop.rollback(commit="0000001")
    assert ended(chosen)[:2] == ("rolled_back", "0000001"), chosen.output
    [container] = shop.deployment(shop.who())["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "COMMIT", "value": "as it was"}]
    unknown = shop.rollback(commit="0099999")
    assert unknown.outcome == "refused"
    assert "0099999 is not known" in unknown.reason

    # The same by a deploy, and doing it again changes nothing.
    shop.deployed("0000003", "0000002")
    old = shop.deploy("0000001")
    assert ended(old)[:2] == ("deployed", "0000001"), old.output
    [container] = shop.deployment(shop.who())["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "COMMIT", "value": "as it was"}]
    assert ended(shop.deploy("0000001")) == ("unchanged", "0000001", 0)
    past = shop.deploy("0000002", bluegreen_replicas=2)
    assert ended(past)[:2] == ("deployed", "0000002"), past.output
    assert shop.deployment(shop.who())["spec"]["replicas"] == 1
    assert ended(shop.deploy("0000002", bluegreen_replicas=2)) == ("unchanged", "0000002", 0)


def test_an_idle_color_that_is_not_what_it_was(shop: Shop) -> None:
    """Retired, half broken, deleted by hand: each time the rollback brings it up again first."""
    shop.deployed("0000001", "0000002")
    retired = shop.play("retire")
    assert (retired.outcome, retired.changed) == ("retired", 1), retired.output
    assert shop.deployment("blue")["spec"]["replicas"] == 0
    assert (shop.play("retire").outcome, shop.commit()) == ("unchanged", "0000002")
    assert ended(shop.rollback())[:2] == ("rolled_back", "0000001")
    assert shop.commit() == "0000001"

    shop.deployed("0000003")
    image = shop.bad_image("0000001")
    shop.kubectl("set", "image", "deployment/shop-blue", f"*={image}", "-n", shop.namespace)
    assert ended(shop.rollback())[:2] == ("rolled_back", "0000001")

    shop.deployed("0000004")
    shop.kubectl("delete", "deployment/shop-blue", "service/shop-blue", "-n", shop.namespace)
    back = shop.rollback()
    assert ended(back)[:2] == ("rolled_back", "0000001"), back.output
    assert shop.commit() == "0000001"


def test_a_lost_or_full_ledger_does_not_choose_a_bad_release(shop: Shop) -> None:
    shop.deployed("0000001", "0000002", "0000003", bluegreen_history_limit=2)
    assert [event["event"] for event in shop.events()] == ["staged", "swapped"]
    assert ended(shop.rollback(bluegreen_history_limit=2))[:2] == ("rolled_back", "0000002")
    shop.kubectl("delete", "configmap", "shop-releases", "-n", shop.namespace)
    refused = shop.rollback()
    assert refused.outcome == "refused"
    assert "0000003, which a rollback has left before" in refused.reason
    assert shop.commit() == "0000002"


def test_two_people_go_back_once(shop: Shop) -> None:
    shop.deployed("0000001", "0000002", "0000003")
    both = [shop.start("rollback") for _person in range(2)]
    # The second one waits for the first one's swap, or breaks in before that and goes back in its stead.
    first, second = sorted((ended(each.finish()) for each in both), key=lambda each: each[0] != "rolled_back")
    assert first[:2] == ("rolled_back", "0000002")
    assert second in (("unchanged", "0000002", 0), ("locked", "0000002", 0))
    assert shop.commit() == "0000002"
    late = shop.rollback(bluegreen_from="0000003")
    assert ended(late) == ("unchanged", "0000002", 0), late.output
    assert "has rolled back from 0000003 at" in late.output


@pytest.mark.as_a_user
@pytest.mark.sandbox
def test_a_rollback_that_was_killed_after_its_swap_is_only_completed(shop: Shop, aws: Aws) -> None:
    shop.deployed("0000001", "0000002", "0000003")
    aws.fault("hold_after", "RemoveTags")
    killed = shop.start("rollback")
    aws.wait_held()
    killed.kill()
    aws.release("drop")
    aws.clear()
    assert shop.commit() == "0000002"
    completed = shop.rollback()
    assert ended(completed) == ("rolled_back", "0000002", 0), completed.output
    assert shop.commit() == "0000002"
    further = shop.rollback()
    assert ended(further)[:2] == ("rolled_back", "0000001"), further.output


def test_what_the_ledger_holds_and_what_not(shop: Shop) -> None:
    frozen = {"bluegreen_frozen": "the sale", "bluegreen_thaw": "nobody can log in"}
    shop.deployed("0000001", awx_job_id=17, awx_user_name="ada", bluegreen_order=1207, **frozen)
    older = shop.deploy("0000002", bluegreen_order="1201")
    assert older.outcome == "refused", older.output
    assert "0000002 has order 1201, but 0000001 with order 1207 is live" in older.reason
    bad = shop.deploy("0000002", bluegreen_image=shop.bad_image("0000002"))
    assert bad.outcome == "stage_failed"
    staged, swapped, failed = shop.events()
    assert [each["event"] for each in (staged, swapped, failed)] == ["staged", "swapped", "failed"]
    assert (staged["commit"], staged["color"], staged["by"]["awx_user"]) == ("0000001", "blue", "ada")
    assert (staged["order"], swapped["order"]) == ("1207", "1207")
    assert (staged["thaw"], swapped["thaw"]) == ("nobody can log in", "nobody can log in")
    assert staged["images"]
    assert swapped["gap_ms"].keys() == {str(shop.settings.http_port)}
    assert swapped["seconds"]["stage"] > 0
    assert (failed["outcome"], failed["commit"]) == ("stage_failed", "0000002")
    assert "image" in failed["cause"]
    assert "\n" not in failed["cause"]


HOOK = """
- name: Tell
  ansible.builtin.lineinfile:
    path: {told}
    line: "{{{{ bluegreen_hook.event }}}} {{{{ bluegreen_hook.commit }}}} {{{{ bluegreen_hook.previous_commit }}}}"
    create: true
    mode: "0644"
  changed_when: false

- name: Fail where it is asked for
  ansible.builtin.fail:
    msg: "{{{{ bluegreen_hook.event }}}} was asked to fail"
  when: bluegreen_hook.event == failing | default('')
"""


def test_hooks_have_their_turn_and_their_say(shop: Shop, tmp_path: Path) -> None:
    told, hook = tmp_path / "told", tmp_path / "hook.yml"
    hook.write_text(HOOK.format(told=told))
    moments = ("before_stage", "after_stage", "before_swap", "after_swap", "after_rollback", "on_failure")
    hooks = {moment: [str(hook)] for moment in moments}

    def heard() -> list[str]:
        lines = told.read_text().splitlines() if told.exists() else []
        told.unlink(missing_ok=True)
        return lines

    shop.deployed("0000001")
    shop.deployed("0000002", bluegreen_hooks=hooks)
    told_of = "0000002 0000001"
    assert heard() == [f"{moment} {told_of}" for moment in moments[:4]]

    gated = shop.deploy("0000003", bluegreen_hooks=hooks, failing="before_swap")
    assert (gated.outcome, shop.commit()) == ("check_failed", "0000002"), gated.output
    assert gated.result["reason"] == "before_swap was asked to fail"
    assert gated.result["next"].startswith("mend that, then ")
    assert [line.split()[0] for line in heard()] == [
        "before_stage",
        "after_stage",
        "before_swap",
        "on_failure",
    ]

    # 0000003 stands there, staged well.
    went_back = shop.deploy("0000003", bluegreen_hooks=hooks, failing="after_swap")
    assert (went_back.code, went_back.outcome, shop.commit()) == (2, "rolled_back", "0000002"), (
        went_back.output
    )
    assert [line.split()[0] for line in heard()] == ["before_swap", "after_swap", "on_failure"]

    held = shop.deploy("0000004", bluegreen_hooks=hooks, failing="after_swap", bluegreen_on_failure="hold")
    assert (held.code, held.outcome, shop.commit()) == (2, "deployed", "0000004"), held.output
    heard()
    back = shop.rollback(bluegreen_hooks=hooks)
    assert ended(back)[:2] == ("rolled_back", "0000002"), back.output
    assert [line.split()[0] for line in heard()] == ["after_rollback"]


def test_a_hook_that_fails_says_nothing_of_the_release(shop: Shop, tmp_path: Path) -> None:
    hook = tmp_path / "hook.yml"
    hook.write_text(HOOK.format(told=tmp_path / "told"))
    shop.deployed("0000001", "0000002", "0000003")
    hooks = {"before_stage": [str(hook)]}
    stopped = shop.deploy("0000001", bluegreen_hooks=hooks, failing="before_stage")
    assert (stopped.code, stopped.outcome) == (2, "check_failed"), stopped.output
    assert "put back" not in stopped.output
    assert ended(shop.rollback())[:2] == ("rolled_back", "0000002")
    assert ended(shop.rollback())[:2] == ("rolled_back", "0000001")


def test_what_a_hook_is_to_hide_is_written_nowhere(shop: Shop, tmp_path: Path) -> None:
    hook = tmp_path / "hook.yml"
    hook.write_text(
        "- name: Migrate\n  no_log: true\n  ansible.builtin.fail:\n    msg: cannot log in with hunter2\n"
    )
    shop.deployed("0000001")
    failed = shop.deploy("0000002", bluegreen_hooks={"before_swap": [str(hook)]})
    assert (failed.outcome, shop.commit()) == ("check_failed", "0000001"), failed.output
    assert "Migrate failed; what it said is hidden by no_log" in failed.reason
    assert "hunter2" not in f"{failed.reason} {failed.results} {shop.events()}"
    assert "hidden by no_log" in shop.events()[-1]["cause"]


def test_a_preview_load_balancer_follows_and_never_decides_what_serves(shop: Shop, tmp_path: Path) -> None:
    hook = tmp_path / "hook.yml"
    hook.write_text(HOOK.format(told=tmp_path / "told"))
    tags = {color: str(port) for color, port in shop.node_ports.items()}
    preview = make(
        shop.balancer.elb, [listener(shop.settings.http_port, shop.node_ports["green"])], shop.zones, tags
    )
    shows = {"bluegreen_preview_load_balancer": preview.name}

    def shown() -> str:
        [port] = preview.node_ports.values()
        return next(color for color, own in shop.node_ports.items() if own == port)

    try:
        shop.deployed("0000001", "0000002", **shows)
        assert (shop.who(), shown()) == ("green", "blue")
        hooks = {"after_swap": str(hook)}
        back = shop.deploy("0000003", bluegreen_hooks=hooks, failing="after_swap", **shows)
        assert (back.outcome, shop.who(), shown()) == ("rolled_back", "green", "blue"), back.output

        shop.deployed("0000004", **shows)
        preview.elb.remove_tags(LoadBalancerNames=[preview.name], Tags=[{"Key": "green"}])
        before = shop.objects()
        refused = shop.deploy("0000005", **shows)
        assert (refused.outcome, shop.objects()) == ("refused", before), refused.output
        assert preview.name in refused.reason
        went_back = shop.rollback(**shows)
        assert (went_back.code, went_back.outcome) == (2, "rolled_back"), went_back.output
        assert preview.name in went_back.reason
        assert shop.commit() == "0000002"
    finally:
        preview.delete()


def test_the_idle_color_is_shown_and_asked_through_the_preview(shop: Shop) -> None:
    port = shop.settings.https_port
    nowhere = shop.play("preview")
    assert nowhere.code != 0
    assert "give bluegreen_preview_port" in nowhere.reason
    shop.deployed("0000001")
    unseen = shop.deploy("0000002", bluegreen_smoke="preview")
    assert (unseen.outcome, shop.commit()) == ("refused", "0000001"), unseen.output
    assert "run preview.yml first" in unseen.reason

    shown = shop.play("preview", bluegreen_preview_port=port)
    assert (shown.code, shown.outcome) == (0, "previewed"), shown.output
    again = shop.play("preview", bluegreen_preview_port=port)
    assert (again.outcome, again.changed) == ("unchanged", 0), again.output
    preview = {
        "bluegreen_preview_port": port,
        "bluegreen_smoke": "preview",
        # The name of the pod, which is what the application answers, tells the color alone.
        "bluegreen_smoke_expect": "shop-{{ 'blue' if bluegreen_commit == '0000001' else 'green' }}",
    }
    deployed = shop.deploy("0000002", "-v", **preview)
    assert ended(deployed)[:2] == ("deployed", "0000002"), deployed.output
    assert f":{port}/" in deployed.output
    assert shop.balancer.node_ports == {
        shop.settings.http_port: shop.node_ports["green"],
        port: shop.node_ports["blue"],
    }
    assert ended(shop.rollback(**preview))[:2] == ("rolled_back", "0000001")
    assert shop.balancer.node_ports[port] == shop.node_ports["green"]


def test_the_documented_flip_without_proof(shop: Shop) -> None:
    """What is left when Kubernetes does not answer."""
    shop.deployed("0000001", "0000002")
    flip = shop.folder / "flip.yml"
    task = {
        "octoblu.bluegreen.elb_listener_swap": {"name": shop.balancer.name, "color": "blue"},
        "name": "Flip",
    }
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [task],
    }
    flip.write_text(json.dumps([play]))
    flipped = shop.play(str(flip), environment={"KUBECONFIG": "/nowhere"})
    assert (flipped.code, shop.commit()) == (0, "0000001"), flipped.output
    # It was no deploy of 0000001 and no rollback of 0000002; nothing that is newer is chosen by itself.
    refused = shop.rollback()
    assert (refused.outcome, shop.commit()) == ("refused", "0000001"), refused.output
    chosen = shop.rollback(commit="0000002")
    assert ended(chosen)[:2] == ("rolled_back", "0000002"), chosen.output
