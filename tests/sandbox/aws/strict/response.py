"""moto's Classic ELB requests, read as AWS reads them."""

from collections.abc import Sequence
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.elb.responses import ELBResponse

from sandbox.aws.strict.backend import StrictELBBackend
from sandbox.aws.strict.errors import invalid
from sandbox.aws.strict.models import StrictPolicy
from sandbox.aws.strict.policies import APP_COOKIE, LB_COOKIE
from sandbox.aws.strict.tags import merged_tags, parse_tags

MAX_PAGE = 400
MAX_NAMES_OF_TAGS = 20
IDLE_TIMEOUT = range(1, 4001)
DRAINING_TIMEOUT = range(1, 3601)


def _policies_by_kind(policies: Sequence[StrictPolicy]) -> dict[str, Any]:
    return {
        "AppCookieStickinessPolicies": [each for each in policies if each.policy_type_name == APP_COOKIE],
        "LBCookieStickinessPolicies": [each for each in policies if each.policy_type_name == LB_COOKIE],
        "OtherPolicies": [
            each.policy_name for each in policies if each.policy_type_name not in (APP_COOKIE, LB_COOKIE)
        ],
    }


def _instances(ids: Sequence[str]) -> list[dict[str, str]]:
    return [{"InstanceId": each} for each in ids]


class StrictELBResponse(ELBResponse):
    RESPONSE_KEY_PATH_TO_TRANSFORMER = ELBResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER | {
        "DescribeAccessPointsOutput.LoadBalancerDescriptions.LoadBalancerDescription.Policies": _policies_by_kind,
    }

    @property
    def elb_backend(self) -> StrictELBBackend:
        backend = super().elb_backend
        assert isinstance(backend, StrictELBBackend)
        return backend

    # Load balancers

    def create_load_balancer(self) -> ActionResult:
        balancer = self.elb_backend.create_load_balancer(
            name=self._get_param("LoadBalancerName"),
            zones=self._get_param("AvailabilityZones", []),
            ports=self._get_param("Listeners", []),
            scheme=self._get_param("Scheme", "internet-facing"),
            subnets=self._get_param("Subnets", []),
            security_groups=self._get_param("SecurityGroups", []),
            tags=self._get_param("Tags", []),
        )
        return ActionResult({"DNSName": balancer.dns_name})

    def describe_load_balancers(self) -> ActionResult:
        balancers = self.elb_backend.describe_load_balancers(self._get_param("LoadBalancerNames", []))
        page = self._get_int_param("PageSize", MAX_PAGE)
        if not 1 <= page <= MAX_PAGE:
            raise invalid(f"PageSize must be from 1 to {MAX_PAGE}, not {page}")
        names = [balancer.name for balancer in balancers]
        start, marker = 0, self._get_param("Marker")
        if marker is not None:
            if marker not in names:
                raise invalid(f"Invalid Marker: {marker}")
            start = names.index(marker) + 1
        shown = balancers[start : start + page]
        more = len(balancers) > start + page
        return ActionResult(
            {"LoadBalancerDescriptions": shown, "NextMarker": shown[-1].name if more else None}
        )

    def modify_load_balancer_attributes(self) -> ActionResult:
        name = self._get_param("LoadBalancerName")
        balancer = self.elb_backend.get_load_balancer(name)
        given = self._get_param("LoadBalancerAttributes", {})
        settings = given.get("ConnectionSettings") or {}
        draining = given.get("ConnectionDraining") or {}
        if settings and int(settings["IdleTimeout"]) not in IDLE_TIMEOUT:
            raise invalid("ConnectionSettings.IdleTimeout must be from 1 to 4000")
        if draining.get("Timeout") is not None and int(draining["Timeout"]) not in DRAINING_TIMEOUT:
            raise invalid("ConnectionDraining.Timeout must be from 1 to 3600")
        before = list(balancer.attributes["additional_attributes"])
        result = super().modify_load_balancer_attributes()
        if not given.get("AdditionalAttributes"):
            balancer.attributes["additional_attributes"] = before
        return result

    # Policies

    def set_load_balancer_policies_of_listener(self) -> ActionResult:
        self.elb_backend.set_load_balancer_policies_of_listener(
            self._get_param("LoadBalancerName"),
            self._get_int_param("LoadBalancerPort"),
            self._get_param("PolicyNames", []),
        )
        return EmptyResult()

    def set_load_balancer_policies_for_backend_server(self) -> ActionResult:
        self.elb_backend.set_load_balancer_policies_for_backend_server(
            self._get_param("LoadBalancerName"),
            self._get_int_param("InstancePort"),
            self._get_param("PolicyNames", []),
        )
        return EmptyResult()

    # Instances

    def register_instances_with_load_balancer(self) -> ActionResult:
        ids = [each["InstanceId"] for each in self._get_param("Instances", [])]
        balancer = self.elb_backend.register_instances(self._get_param("LoadBalancerName"), ids)
        return ActionResult({"Instances": _instances(balancer.instance_ids)})

    def deregister_instances_from_load_balancer(self) -> ActionResult:
        ids = [each["InstanceId"] for each in self._get_param("Instances", [])]
        balancer = self.elb_backend.deregister_instances(self._get_param("LoadBalancerName"), ids)
        return ActionResult({"Instances": _instances(balancer.instance_ids)})

    def describe_instance_health(self) -> ActionResult:
        states = self.elb_backend.describe_instance_health(
            self._get_param("LoadBalancerName"), self._get_param("Instances", [])
        )
        return ActionResult({"InstanceStates": states})

    # Tags

    def add_tags(self) -> ActionResult:
        balancer = self._tagged_balancer()
        added = parse_tags(self._get_param("Tags", []))
        balancer.tags = merged_tags(balancer.tags, added, self.elb_backend.surroundings.tag_limit)
        return EmptyResult()

    def remove_tags(self) -> ActionResult:
        balancer = self._tagged_balancer()
        removed = {tag["Key"] for tag in self._get_param("Tags", [])}
        balancer.tags = {key: value for key, value in balancer.tags.items() if key not in removed}
        return EmptyResult()

    def describe_tags(self) -> ActionResult:
        names = self._get_param("LoadBalancerNames", [])
        if len(names) > MAX_NAMES_OF_TAGS:
            raise invalid(
                f"DescribeTags takes at most {MAX_NAMES_OF_TAGS} load balancer names, not {len(names)}"
            )
        balancers = [self.elb_backend.get_load_balancer(name) for name in names]
        return ActionResult(
            {"TagDescriptions": [{"LoadBalancerName": each.name, "Tags": each.tags} for each in balancers]}
        )

    def _tagged_balancer(self) -> Any:
        """The one load balancer that AddTags and RemoveTags take."""
        names = self._get_param("LoadBalancerNames", [])
        if len(names) != 1:
            raise invalid(f"Only one load balancer can be tagged at once, not {len(names)}")
        return self.elb_backend.get_load_balancer(names[0])
