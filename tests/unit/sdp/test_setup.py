"""pcscf.sdp.setup: who connects, as the gateway sees it."""

import pytest

from iq.procedures import Setup
from pcscf.errors import SdpRejected
from pcscf.sdp.model import Sdp
from pcscf.sdp.setup import connecting, setup_of
from tests.support.media import sdp

ACTIVE, PASSIVE = Setup.ACTIVE, Setup.PASSIVE


@pytest.mark.parametrize(
    ("offered", "answered", "towards"),
    [
        ("active", "passive", (PASSIVE, ACTIVE)),
        ("passive", "active", (ACTIVE, PASSIVE)),
        ("actpass", "active", (ACTIVE, PASSIVE)),
        ("actpass", "passive", (PASSIVE, ACTIVE)),
        (None, None, (PASSIVE, ACTIVE)),
        (None, "passive", (PASSIVE, ACTIVE)),
        ("passive", None, (ACTIVE, PASSIVE)),
        ("actpass", None, (PASSIVE, ACTIVE)),
        ("actpass", "holdconn", (None, None)),
        ("holdconn", "passive", (None, None)),
    ],
)
def test_the_gateway_is_the_opposite_of_each_end(
    offered: str | None, answered: str | None, towards: tuple[Setup | None, Setup | None]
) -> None:
    assert connecting(offered, answered) == towards


@pytest.mark.parametrize(
    ("offered", "answered"),
    [("active", "active"), ("passive", "passive"), ("actpass", "actpass"), (None, "active"), ("active", "x")],
)
def test_answers_that_leave_nobody_or_both(offered: str | None, answered: str) -> None:
    with pytest.raises(SdpRejected, match="answer"):
        connecting(offered, answered)


def test_the_media_level_goes_first() -> None:
    lines = ["m=application 9 TCP/BFCP *\na=setup: Active", "m=message 9 TCP/MSRP *"]
    read = Sdp.parse(sdp(*lines, session="a=setup:passive\n"))
    assert [setup_of(media, read.session) for media in read.media] == ["active", "passive"]
    assert setup_of(read.media[1], Sdp.parse(sdp()).session) is None
