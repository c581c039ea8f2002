from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster import client as _k8s
from ansible_collections.octoblu.bluegreen.plugins.module_utils._cluster import wire as _k8s_wire

from .api import Api


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A scripted Kubernetes API, with nothing else configured and next to no pauses."""
    # kubernetes.core caches what a server offers in the folder for temporary files, by its address.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in list(os.environ):
        if name.startswith(("K8S_AUTH_", "KUBE")):
            monkeypatch.delenv(name)
    for module in (_k8s, _k8s_wire):
        monkeypatch.setattr(module, "PAUSES", (0.01, 0.01))
    api = Api()
    yield api
    api.close()


@pytest.fixture
def connected(api: Api) -> Callable[..., _k8s.Cluster]:
    def connect(**params: object) -> _k8s.Cluster:
        return _k8s.connect({"host": api.url, "api_key": "a-token", **params})

    return connect


@pytest.fixture
def cluster(connected: Callable[..., _k8s.Cluster]) -> _k8s.Cluster:
    return connected()
