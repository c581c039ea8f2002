"""What a Classic ELB thinks of an instance, and how a check changes it."""

from dataclasses import dataclass, replace

from sandbox.aws.strict.health_checks import HealthCheck

IN_SERVICE, OUT_OF_SERVICE = "InService", "OutOfService"


@dataclass(frozen=True)
class Health:
    """The first three as DescribeInstanceHealth tells them; `streak` counts the last equal outcomes."""

    state: str
    reason_code: str
    description: str
    passed: bool = False
    streak: int = 0


REGISTERED = Health(OUT_OF_SERVICE, "ELB", "Instance registration is still in progress.")
PASSING = Health(IN_SERVICE, "N/A", "N/A")
FAILING = Health(
    OUT_OF_SERVICE,
    "Instance",
    "Instance has failed at least the UnhealthyThreshold number of health checks consecutively.",
)
RECOVERING = Health(
    OUT_OF_SERVICE,
    "Instance",
    "Instance has not passed the configured HealthyThreshold number of health checks consecutively.",
)
STOPPED = Health(OUT_OF_SERVICE, "Instance", "Instance is in stopped state.")
NOT_REGISTERED = Health("Unknown", "Instance", "Instance is not currently registered with the LoadBalancer.")


def after_check(health: Health, check: HealthCheck, passed: bool) -> Health:
    """What the outcome of one more check makes of `health`."""
    streak = health.streak + 1 if passed == health.passed else 1
    return replace(_verdict(health, check, passed, streak), passed=passed, streak=streak)


def _verdict(health: Health, check: HealthCheck, passed: bool, streak: int) -> Health:
    if passed:
        if health.state == IN_SERVICE or streak >= check.healthy_threshold:
            return PASSING
        return health if health.reason_code == "ELB" else RECOVERING
    if streak >= check.unhealthy_threshold:
        return FAILING
    return health
