"""The gateway's metric families, read from plain counters at scrape."""

from collections.abc import Iterator, Mapping

from prometheus_client import Metric

from agw.control.contexts import Contexts
from agw.engine.api import Counters
from hosting.counters import Label
from hosting.metrics import counter, gauge, gauges, total


def families(
    contexts: Contexts,
    failures: int,
    streams: int,
    tasks: int,
    controlled: bool,
    iq: Mapping[str, int],
    forgeries: int,
    connections: int,
    tcp: Mapping[Label, int],
    handshakes: Mapping[Label, int],
    dtls: Mapping[Label, int],
) -> Iterator[Metric]:
    """failures: ports that broke down; streams: capacity; tasks: of the event loop; controlled: is a
    controller there; iq: events of the association; forgeries: reports of packets that fail authentication;
    connections: of TCP media, tcp: what they met; handshakes: of DTLS, dtls: why its datagrams went no
    further."""
    now = totals(contexts)
    labels = ("realm",)
    yield counter(
        "agw_packets",
        "RTP packets forwarded, by the realm that they came from.",
        labels,
        {realm: one.packets for realm, one in now.items()},
    )
    yield counter(
        "agw_octets",
        "Octets of these packets as they came, without IP and UDP headers, and those of TCP media.",
        labels,
        {realm: one.octets for realm, one in now.items()},
    )
    yield counter(
        "agw_rtcp_packets",
        "RTCP packets forwarded.",
        labels,
        {realm: one.rtcp for realm, one in now.items()},
    )
    drops: dict[Label, int] = {}
    for realm, one in now.items():
        drops.update({(realm, reason): count for reason, count in one.dropped().items()})
    yield counter("agw_drops", "Datagrams not forwarded, by reason.", ("realm", "reason"), drops)
    yield total("agw_engine_failures", "Ports over which the packet engine broke down.", failures)
    yield counter("agw_refusals", "Actions refused, by H.248 error code.", ("code",), contexts.refused)
    yield total("agw_rekeys", "Streams whose peer got another SRTP key in the session.", contexts.rekeyed)
    yield total("agw_contexts_created", "Contexts created.", contexts.created)
    yield gauge("agw_contexts", "Contexts alive.", len(contexts))
    yield gauge("agw_terminations", "Terminations alive.", len(contexts.terminations))
    yield gauge("agw_ports", "Media ports open; a two-sided stream has two.", contexts.open_ports)
    yield gauges("agw_ports_free", "Media ports that nobody has.", labels, contexts.free_ports())
    yield gauge("agw_stream_capacity", "Two-sided streams that ports and open files allow.", streams)
    yield gauge("agw_tasks", "Tasks of the event loop.", tasks)
    yield total(
        "agw_authentication_reports", "Reports of streams whose packets fail authentication.", forgeries
    )
    yield gauge("agw_tcp_connections", "Connections of TCP media; a stream has two.", connections)
    yield counter("agw_tcp_events", "What connections of TCP media met.", ("event",), tcp)
    yield counter("agw_dtls_handshakes", "Handshakes of DTLS that ended here.", ("result",), handshakes)
    yield counter("agw_dtls_drops", "Datagrams of DTLS that went no further.", ("reason",), dtls)
    yield gauge("agw_iq_up", "1 where a controller has registered this gateway.", float(controlled))
    yield counter("agw_iq_events", "What the association with the controller met.", ("event",), iq)


def totals(contexts: Contexts) -> dict[str, Counters]:
    """By realm: what ended contexts have counted, and what live ones have so far."""
    sums: dict[str, Counters] = {}
    for realm, ended in contexts.totals.items():
        sums[realm] = Counters()
        sums[realm].add(ended)
    for termination in contexts.terminations.values():
        for end in termination.ends.values():
            sums[termination.realm].add(contexts.media.state(end).counters)
    return sums
