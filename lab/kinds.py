"""Every kind of media that a UE of the lab speaks, by its name."""

from lab.application import BFCP
from lab.audio import AUDIO
from lab.dtls_audio import DTLS_SRTP
from lab.fax import T38
from lab.kind import Kind
from lab.message import MSRP

KINDS: dict[str, Kind] = {kind.name: kind for kind in (AUDIO, MSRP, BFCP, T38, DTLS_SRTP)}
