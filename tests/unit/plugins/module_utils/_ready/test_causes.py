from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.causes import (
    KUBELET_PASS,
    NEVER,
    PULL_DENIED,
    PULL_REPEATED,
    SETTLE,
    VOLUME_UNBOUND,
    config_patience,
    create_patience,
    image_is_absent,
    image_patience,
    is_not_executable,
    mount_patience,
    one_line,
    scheduling_patience,
)

ABSENT = [
    'failed to resolve reference "registry/shop:abc": registry/shop:abc: not found',
    "manifest for registry/shop:abc not found: manifest unknown: manifest unknown",
    "name unknown: The repository with name 'shop' does not exist in the registry with id '1'",
    'Back-off pulling image "registry/shop:abc": ErrImagePull: rpc error: code = NotFound desc = not found',
    "no match for platform in manifest: not found",
    "invalid reference format",
]
PASSING = [
    'failed to do request: Head "https://r/v2/shop/manifests/abc": dial tcp 192.0.2.10:443: connect: connection refused',
    "dial tcp: lookup registry.example.com on 10.0.0.2:53: no such host",
    'Head "https://r/v2/": dial tcp: lookup r: i/o timeout',
    "unexpected status from HEAD request to https://r/v2/shop/manifests/abc: 503 Service Unavailable",
    "unexpected status code [manifests abc]: 429 Too Many Requests",
    "toomanyrequests: You have reached your pull rate limit",
    "net/http: TLS handshake timeout",
    "rpc error: code = DeadlineExceeded desc = context deadline exceeded",
    "failed to copy: httpReadSeeker: failed open: unexpected EOF",
    "failed to fetch anonymous token: unexpected status: 500 Internal Server Error: upstream not found",
    'Back-off pulling image "registry/not found:abc"',
    "",
]
REFUSED = [
    "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope",
    "unexpected status from HEAD request to https://r/v2/shop/manifests/abc: 403 Forbidden",
    "unauthorized: authentication required",
    "no basic auth credentials",
]


@pytest.mark.parametrize("message", ABSENT)
def test_an_image_that_the_registry_does_not_have_is_certain(message: str) -> None:
    assert image_is_absent(message)
    assert image_patience("ErrImagePull", message) == SETTLE


@pytest.mark.parametrize("message", PASSING)
def test_trouble_on_the_way_to_the_registry_can_pass(message: str) -> None:
    assert not image_is_absent(message)
    assert image_patience("ErrImagePull", message) == PULL_REPEATED


@pytest.mark.parametrize("message", REFUSED)
def test_a_registry_that_refuses_is_asked_twice(message: str) -> None:
    assert not image_is_absent(message)
    assert image_patience("ErrImagePull", message) == PULL_DENIED


@pytest.mark.parametrize(
    ("message", "patience"),
    [
        ('configmap "shop" not found', KUBELET_PASS),
        ("couldn't find key color in ConfigMap demo/shop", KUBELET_PASS),
        ("failed to sync configmap cache: timed out waiting for the condition", NEVER),
        ("failed to sync secret cache: timed out waiting for the condition", NEVER),
    ],
)
def test_configuration_that_is_missing_is_certain_and_a_stale_cache_is_not(
    message: str, patience: float
) -> None:
    assert config_patience(message) == patience


def test_a_command_that_is_not_there_is_certain_before_a_node_in_trouble() -> None:
    absent = create_patience('exec: "/no/such": stat /no/such: no such file or directory')
    assert absent < create_patience("context deadline exceeded") < NEVER


@pytest.mark.parametrize(
    ("message", "count", "patience"),
    [
        ('MountVolume.SetUp failed for volume "c" : configmap "shop" not found', 4, SETTLE),
        ('MountVolume.SetUp failed for volume "c" : references non-existent config key: color', 9, SETTLE),
        ('MountVolume.SetUp failed for volume "c" : configmap "shop" not found', 3, NEVER),
        ('MountVolume.SetUp failed for volume "c" : failed to sync configmap cache: timed out', 9, NEVER),
        ("Unable to attach or mount volumes: unmounted volumes=[data]: timed out", 9, NEVER),
    ],
)
def test_a_volume_is_certain_when_its_object_was_absent_several_times(
    message: str, count: int, patience: float
) -> None:
    assert mount_patience(message, count) == patience


def test_a_claim_that_is_being_provisioned_has_more_time_than_a_node_that_is_full() -> None:
    assert scheduling_patience("0/3 nodes are available: 3 Insufficient cpu.", 10) == 10
    unbound = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."
    assert scheduling_patience(unbound, 10) == VOLUME_UNBOUND
    assert scheduling_patience(unbound, 300) == 300


def test_one_line_keeps_both_ends() -> None:
    assert one_line("a\n  b\tc ") == "a b c"
    cut = one_line("start " + "x" * 500 + " end", 60)
    assert len(cut) == 60
    assert cut.startswith("start ")
    assert cut.endswith(" end")


@pytest.mark.parametrize(
    ("message", "stays"),
    [
        (
            'unable to start container process: exec: "migrate": executable file not found in $PATH: unknown',
            True,
        ),
        ('process caused "exec: \\"migrate\\": executable file not found in $PATH": unknown', True),
        ('exec: "/app/migrate": stat /app/migrate: no such file or directory: unknown', True),
        ('exec: "/app/migrate": permission denied: unknown', True),
        ('exec: "/app": is a directory: unknown', True),
        ("exec /app/migrate: exec format error", True),
        ("crun: executable file `migrate` not found in $PATH: No such file or directory", True),
        ('error mounting "/var/lib/kubelet/x" to rootfs: no such file or directory: unknown', False),
        ('exec: "/app/migrate": resource temporarily unavailable: unknown', False),
        ("failed to create shim task: context deadline exceeded", False),
        ("", False),
    ],
)
def test_only_an_executable_that_cannot_be_run_is_no_matter_of_time(message: str, stays: bool) -> None:
    assert is_not_executable(message) is stays
