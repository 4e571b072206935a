"""One m-section from the core as the UE sees it: with our keys where e2ae is applied."""

from collections.abc import Sequence

from iq.procedures import Endpoint
from iq.suites import Crypto
from pcscf.alg.rewriting import DROPPED, kept, section
from pcscf.sdp.crypto import build
from pcscf.sdp.indicator import APPLIED_LINE
from pcscf.sdp.model import Media


def to_access(
    media: Media,
    proto: str,
    local: Endpoint,
    session_address: str,
    keys: Sequence[Crypto] = (),
    certificate: Sequence[str] = (),
    *,
    spelling: str | None = None,
    applied: bool = False,
    rtcp_mux: bool = False,
    actual: str | None = None,
) -> list[str]:
    """Return the lines of ``media`` for the UE.

    proto: the secured profile that is offered, or that the UE offered. keys: our crypto, one line each;
    spelling: the UE's name of its suite. certificate: the lines of DTLS. applied: say a=3ge2ae:applied;
    whatever the core wrote there is gone (TS 33.328 5.4.1). rtcp_mux: the UE offered it. actual: the RFC 5939
    configuration that is answered.
    """
    added = [*(build(key, spelling) for key in keys), *certificate]
    if actual is not None:
        added.append(f"a=acfg:{actual}")
    if applied:
        added.append(APPLIED_LINE)
    if rtcp_mux:
        added.append("a=rtcp-mux")
    return section(media, proto, local, kept(media, DROPPED), added, session_address)
