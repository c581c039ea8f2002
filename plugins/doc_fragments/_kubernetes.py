# Copyright (c) 2026, Octoblu contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This document fragment is private to octoblu.bluegreen and may change at any time.

from __future__ import annotations


class ModuleDocFragment:
    # Beside kubernetes.core.k8s_auth_options.
    DOCUMENTATION = r"""
options:
  allow_in_cluster:
    description:
      - Whether the account of the pod that this runs in may be used, when no other way to reach a cluster is given.
      - Without it that account is never tried, so that a run inside one cluster cannot reach that cluster by mistake.
    type: bool
    default: false
requirements:
  - python >= 3.10
  - kubernetes >= 24.2.0
notes:
  - The cluster is chosen by the options, then by the C(K8S_AUTH_*) environment variables, then by C(KUBECONFIG), then by
    C(~/.kube/config).
  - A token is read without blanks and line ends around it, wherever it is from.
"""
