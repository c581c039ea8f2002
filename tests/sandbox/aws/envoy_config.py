"""Envoy's configuration as plain dicts: a bootstrap once, and a listener for each of a load balancer's."""

from pathlib import Path
from typing import Any

from sandbox.aws.balancers import Balancer, Listener
from sandbox.aws.strict.listeners import APPLICATION, SECURE, TRANSPORT

_TYPES = "type.googleapis.com/envoy"
# Where a connection goes is said by the listener, so that a change is one file and one step.
_DESTINATION = "envoy.network.transport_socket.original_dst_address"
_TLS = {"TLSv1": "TLSv1_0", "TLSv1.1": "TLSv1_1", "TLSv1.2": "TLSv1_2"}
# Those of AWS's policies that BoringSSL has; the last ones are for what is older than TLS 1.2.
_CIPHERS = (
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-RSA-AES128-SHA",
    "AES128-SHA",
)
_NOWHERE = "nowhere"
# Towards the instances: (secure, with the PROXY protocol's header).
_CLUSTERS = {
    (False, False): "plain",
    (True, False): "tls",
    (False, True): "plain_with_proxy_header",
    (True, True): "tls_with_proxy_header",
}

Json = dict[str, Any]


def bootstrap(listeners: Path, admin: str) -> Json:
    """`admin` is an abstract Unix socket such as `@name`; `listeners` is watched for being replaced."""
    return {
        "node": {"id": "sandbox", "cluster": "sandbox"},
        "admin": {"address": {"pipe": {"path": admin}}},
        "dynamic_resources": {"lds_config": {"path_config_source": {"path": str(listeners)}}},
        "static_resources": {
            "clusters": [
                *(_cluster(name, *kind) for kind, name in _CLUSTERS.items()),
                {"name": _NOWHERE, "type": "STATIC", "connect_timeout": "1s"},
            ]
        },
    }


def listener_resource(balancer: Balancer, listener: Listener, port: int, node: str, in_service: bool) -> Json:
    """The listener answered at `port` of the load balancer's address, forwarding to its port on `node`."""
    spec = listener.spec
    secure = spec.instance_protocol in SECURE
    with_proxy_header = listener.proxy_protocol and spec.layer == TRANSPORT
    cluster = _CLUSTERS[secure, with_proxy_header]
    forward = (
        _forward_requests(spec.port, spec.protocol, cluster, in_service)
        if spec.layer == APPLICATION
        else _forward_bytes(cluster if in_service else _NOWHERE)
    )
    chain: Json = {"filters": [_destination(f"{node}:{spec.instance_port}"), forward]}
    if listener.key_pair is not None:
        chain["transport_socket"] = _present(listener)
    return {
        "@type": f"{_TYPES}.config.listener.v3.Listener",
        "name": f"{balancer.address}:{spec.port}",
        "address": {"socket_address": {"address": balancer.address, "port_value": port}},
        "filter_chains": [chain],
    }


def _destination(address: str) -> Json:
    return _filter(
        "network.set_filter_state.v3.Config",
        on_new_connection=[
            {
                "object_key": _DESTINATION,
                "format_string": {"text_format_source": {"inline_string": address}},
                "shared_with_upstream": "ONCE",
            }
        ],
    )


def _forward_bytes(cluster: str) -> Json:
    return _filter("network.tcp_proxy.v3.TcpProxy", stat_prefix="tcp", cluster=cluster, idle_timeout="60s")


def _forward_requests(port: int, protocol: str, cluster: str, in_service: bool) -> Json:
    # A Classic ELB answers an idle minute with 504, and with 503 where no instance is in service.
    action = (
        {"route": {"cluster": cluster, "timeout": "60s"}}
        if in_service
        else {"direct_response": {"status": 503}}
    )
    forwarded = {
        "x-forwarded-for": ("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "APPEND_IF_EXISTS_OR_ADD"),
        "x-forwarded-proto": (protocol.lower(), "OVERWRITE_IF_EXISTS_OR_ADD"),
        "x-forwarded-port": (str(port), "OVERWRITE_IF_EXISTS_OR_ADD"),
    }
    return _filter(
        "network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="http",
        use_remote_address=True,
        skip_xff_append=True,
        generate_request_id=False,
        server_header_transformation="PASS_THROUGH",
        common_http_protocol_options={"idle_timeout": "60s"},
        # How long an idle connection of a listener that is gone stays open.
        drain_timeout="0.1s",
        route_config={
            "virtual_hosts": [
                {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, **action}]}
            ],
            "request_headers_to_add": [
                {"header": {"key": key, "value": value}, "append_action": action}
                for key, (value, action) in forwarded.items()
            ],
            "request_headers_to_remove": ["x-envoy-external-address", "x-envoy-internal"],
        },
        http_filters=[_filter("http.router.v3.Router", suppress_envoy_headers=True)],
    )


def _present(listener: Listener) -> Json:
    assert listener.key_pair is not None
    lowest, highest = listener.tls
    return _transport_socket(
        "tls.v3.DownstreamTlsContext",
        common_tls_context={
            "tls_params": {
                "tls_minimum_protocol_version": _TLS[lowest],
                "tls_maximum_protocol_version": _TLS[highest],
                "cipher_suites": _CIPHERS,
            },
            "tls_certificates": [
                {
                    "certificate_chain": {"inline_string": listener.key_pair.certificate},
                    "private_key": {"inline_string": listener.key_pair.key},
                }
            ],
        },
    )


def _cluster(name: str, secure: bool, with_proxy_header: bool) -> Json:
    socket = (
        _transport_socket("tls.v3.UpstreamTlsContext", common_tls_context={})
        if secure
        else _transport_socket("raw_buffer.v3.RawBuffer")
    )
    if with_proxy_header:
        socket = _transport_socket(
            "proxy_protocol.v3.ProxyProtocolUpstreamTransport",
            config={"version": "V1"},
            transport_socket=socket,
        )
    return {
        "name": name,
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "5s",
        "transport_socket": socket,
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPES}.extensions.upstreams.http.v3.HttpProtocolOptions",
                # A request to a pod that has just gone would otherwise be lost on a connection kept open to it.
                "common_http_protocol_options": {"max_requests_per_connection": 1},
                "explicit_http_config": {"http_protocol_options": {}},
            }
        },
    }


def _filter(type_name: str, **settings: Any) -> Json:
    return {
        "name": type_name,
        "typed_config": {"@type": f"{_TYPES}.extensions.filters.{type_name}", **settings},
    }


def _transport_socket(type_name: str, **settings: Any) -> Json:
    return {
        "name": type_name,
        "typed_config": {"@type": f"{_TYPES}.extensions.transport_sockets.{type_name}", **settings},
    }
