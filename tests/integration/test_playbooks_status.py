"""What status tells, and what a run hands on."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from conftest import World
from settings import Settings
from shop import CHECKOUT, Shop


def test_the_routers_half_is_told_when_the_cluster_does_not_answer(shop: Shop) -> None:
    finished = shop.play("status", environment={"KUBECONFIG": None})
    assert (finished.code, finished.changed) == (0, 0), finished.output
    assert f"green: node port {shop.node_ports['green']}   live" in finished.output
    assert f"{shop.settings.http_port} -> green" in finished.output
    assert "cluster: No usable Kubernetes configuration" in finished.output


def test_both_halves(shop: Shop, tmp_path: Path) -> None:
    shop.deployed("0000001", "0000002")
    before = shop.objects(), shop.balancer.description
    file = tmp_path / "result.json"
    # A variable that only a deploy needs may hang on what only a deploy is given.
    finished = shop.status(bluegreen_result_file=str(file), bluegreen_image="shop:{{ commit }}")
    assert (finished.code, finished.changed, finished.outcome) == (0, 0, "unchanged")
    assert json.loads(file.read_text()) == finished.results
    for line in (
        "shop: 0000002 serves on green, 1 of 1 pods ready, 1 of 1 instances in service",
        f"blue: 0000001, proven, 1 of 1 ready, node port {shop.node_ports['blue']}",
        f"green: 0000002, proven, 1 of 1 ready, node port {shop.node_ports['green']}   live",
        "drift: none",
        "back: to 0000001 on blue, at once",
    ):
        assert f'"{line}"' in finished.output, finished.output
    assert finished.result["rollback"] == {
        "color": "blue",
        "to": "0000001",
        "service": None,
        "reason": "",
        "redeploy": False,
    }
    assert (shop.objects(), shop.balancer.description) == before
    nowhere = shop.status(bluegreen_result_file=str(tmp_path / "nowhere" / "result.json"))
    assert (nowhere.code, nowhere.outcome) == (0, "unchanged"), nowhere.output
    assert "shop: 0000002 serves on green" in nowhere.output
    assert "The result cannot be written to bluegreen_result_file" in nowhere.output


def test_drift_is_told_with_its_name(shop: Shop) -> None:
    shop.balancer.tag({"green": str(shop.node_ports["blue"])})
    finished = shop.status()
    assert finished.code == 0
    assert "(tags_equal)" in finished.output
    assert "which color is live cannot be told" in finished.output
    assert "aws elb add-tags --load-balancer-names" in finished.output


def test_each_host_of_an_inventory_is_an_application(shop: Shop, tmp_path: Path) -> None:
    inventory = tmp_path / "shops.yml"
    lost = shop.variables() | {"bluegreen_app": "cart", "bluegreen_load_balancer": "not-there"}
    hosts = {"shop": shop.variables(), "cart": lost}
    inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    finished = shop.play("status", "-i", str(inventory), **dict.fromkeys(shop.variables()))
    assert finished.code == 2
    assert "'not-there'" in finished.reason
    told = {app: result["outcome"] for app, result in finished.results.items()}
    assert told == {"shop": "unchanged", "cart": "refused"}
    one = shop.status(
        "-i", str(inventory), **dict.fromkeys(shop.variables()), application="shop", commit="0000001"
    )
    assert (one.code, [*one.results]) == (2, ["shop"])
    assert one.result["reason"].startswith("shop: 0000001 does not serve as it should: ")


def test_hosts_of_one_play_do_different_things(
    shop: Shop, settings: Settings, zones: list[str], world: World, tmp_path: Path
) -> None:
    """Each runs its own hooks in their order. One has its commit staged already and only swaps, the other brings it
    up; in either order."""
    ports = {"blue": settings.blue_port + 2, "green": settings.green_port + 2}
    (tmp_path / "cart").mkdir()
    inventory, told = tmp_path / "hosts.yml", tmp_path / "told"
    hooks = [str(_telling(tmp_path / f"{name}.yml", told)) for name in ("x", "y")]
    with Shop(settings, zones, tmp_path / "cart", world.aws, ports, shop.starter, shop.home) as cart:
        cart.name = "cart"
        hosts = {
            "a": shop.variables() | {"bluegreen_hooks": {"before_swap": hooks}},
            "b": cart.variables() | {"bluegreen_hooks": {"before_swap": hooks[::-1]}},
        }
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        both = shop.play("deploy", "-i", str(inventory), commit="0000001", **dict.fromkeys(shop.variables()))
        assert both.code == 0, both.output
        lines = told.read_text().splitlines()
        assert [line for line in lines if line.startswith("shop")] == ["shop x.yml", "shop y.yml"]
        assert [line for line in lines if line.startswith("cart")] == ["cart y.yml", "cart x.yml"]
        for first, second, commit in ((shop, cart, "0000002"), (cart, shop, "0000003")):
            staged = first.play("stage", commit=commit)
            assert staged.code == 0, staged.output
            hosts = {"a": first.variables(), "b": second.variables()}
            inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
            done = shop.play("deploy", "-i", str(inventory), commit=commit, **dict.fromkeys(shop.variables()))
            outcomes = {app: result["outcome"] for app, result in done.results.items()}
            assert outcomes == {"shop": "deployed", "cart": "deployed"}, done.output
            assert (shop.commit(), cart.commit()) == (commit, commit), done.output


def _telling(hook: Path, told: Path) -> Path:
    """A hook that writes down whose it was."""
    command = f"echo {{{{ bluegreen_hook.app }}}} {hook.name} >> {told}"
    task = {"name": "Tell", "ansible.builtin.shell": command, "changed_when": False}
    hook.write_text(yaml.safe_dump([task]))
    return hook


def test_two_runs_of_one_play_do_not_see_each_others_results(shop: Shop, tmp_path: Path) -> None:
    """A refused deploy that follows a good one has nothing of it in its result."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {
                "ansible.builtin.include_role": {"name": "octoblu.bluegreen.bluegreen"},
                "vars": {"bluegreen_commit": commit},
            }
            for commit in ("0000001", "-")
        ],
    }
    playbook = tmp_path / "twice.yml"
    playbook.write_text(yaml.safe_dump([play]))
    finished = shop.play(str(playbook))
    assert finished.code == 2
    assert "The commit '-'" in finished.reason
    assert (finished.outcome, finished.result["changed"]) == ("refused", False)
    assert finished.result["gap_ms"] is None
    assert finished.result["seconds"]["stage"] is None
    assert shop.who() == "blue"


def test_the_playbooks_are_found_by_the_collections_name(shop: Shop) -> None:
    assert (CHECKOUT / "playbooks" / "status.yml").exists()
    finished = shop.play("octoblu.bluegreen.status")
    assert finished.code == 0, finished.output
