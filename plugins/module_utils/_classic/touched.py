# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This module is private to octoblu.bluegreen and may change at any time.

"""All of a load balancer that a swap would touch: to be known again, and to be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.intent import is_intent_tag
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.known import is_known_tag
from ansible_collections.octoblu.bluegreen.plugins.module_utils._classic.model import (
    HealthCheck,
    Listener,
    LoadBalancer,
)
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.ports import COLORS
from ansible_collections.octoblu.bluegreen.plugins.module_utils._router.router import CLAIM_TAG, PREVIEW_TAG


@dataclass(frozen=True)
class Touched:
    """``backend_policies`` are names by instance port, ``tags`` only those of ours."""

    listeners: tuple[Listener, ...]
    health_check: HealthCheck
    backend_policies: Mapping[int, tuple[str, ...]]
    tags: Mapping[str, str]

    @property
    def words(self) -> dict[str, str]:
        """Of all of it, each by what it is called; also of what a swap keeps, such as a listener's policies."""
        check = self.health_check
        return {
            **{f"listener {each.port}": f"{each.instance_port}, {kept(each)}" for each in self.listeners},
            **{
                f"backend policies of port {port}": ", ".join(names)
                for port, names in self.backend_policies.items()
            },
            "health check": (
                f"{check.target} every {check.interval} s, {check.timeout} s for an answer, healthy after "
                f"{check.healthy_threshold}, unhealthy after {check.unhealthy_threshold}"
            ),
            **{f"tag {key}": value for key, value in self.tags.items()},
        }

    @property
    def fingerprint(self) -> str:
        text = json.dumps(self.words, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def touched_of(load_balancer: LoadBalancer, ports: Collection[int | None]) -> Touched:
    """``ports`` are those of the listeners that are ours."""
    ours = (*COLORS, CLAIM_TAG, PREVIEW_TAG)
    return Touched(
        tuple(listener for listener in load_balancer.listeners if listener.port in ports),
        load_balancer.health_check,
        dict(sorted(load_balancer.backend_policies.items())),
        {
            key: value
            for key, value in sorted(load_balancer.tags.items())
            if key in ours or is_intent_tag(key) or is_known_tag(key)
        },
    )


def kept(listener: Listener) -> str:
    """What a swap keeps of a listener."""
    certificate = f", certificate {listener.certificate}" if listener.certificate else ""
    policies = f", policies {', '.join(listener.policies)}" if listener.policies else ""
    return f"{listener.protocol} to {listener.instance_protocol}{certificate}{policies}"
