from __future__ import annotations

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._ready.pod_security import in_short

ESCALATION = 'allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)'
CAPABILITIES = (
    'unrestricted capabilities (containers "app", "proxy" must set securityContext.capabilities.drop=["ALL"])'
)
ROOT = 'runAsNonRoot != true (pod or container "app" must set securityContext.runAsNonRoot=true)'
ROOT_WANTED = 'runAsNonRoot != true (container "app" must not set securityContext.runAsNonRoot=false)'
SECCOMP = (
    'seccompProfile (pod or container "app" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
    '"Localhost")'
)
HOST = 'restricted volume types (volume "logs" uses restricted volume type "hostPath")'


@pytest.mark.parametrize(
    ("violations", "told"),
    [
        (
            [ESCALATION, CAPABILITIES, ROOT, SECCOMP],
            (
                "allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile; add "
                "bluegreen_pod: {securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}} and "
                "bluegreen_container: {securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}"
            ),
        ),
        ([ROOT], "runAsNonRoot != true; add bluegreen_pod: {securityContext: {runAsNonRoot: true}}"),
        (
            [HOST, ESCALATION],
            (
                "restricted volume types, allowPrivilegeEscalation != false; add bluegreen_container: "
                "{securityContext: {allowPrivilegeEscalation: false}}"
            ),
        ),
        ([HOST], "restricted volume types"),
        ([ROOT_WANTED], "runAsNonRoot != true"),
    ],
)
@pytest.mark.parametrize("verb", ["violates", "would violate"])
def test_what_the_pods_lack_is_told_as_the_variables_that_say_it(
    violations: list[str], told: str, verb: str
) -> None:
    start = f'{verb} PodSecurity "restricted:latest": '
    assert in_short(start + ", ".join(violations)) == start + told


@pytest.mark.parametrize("message", ["", "exceeded quota: one", "metadata.name: this is (used) in Pod names"])
def test_any_other_message_stays_as_it_is(message: str) -> None:
    assert in_short(message) == message
