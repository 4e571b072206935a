"""IFP packets of the lab."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.ifp import Ifp, Indicator, Modulation, Part, parse


@pytest.mark.parametrize(
    ("packet", "octets"),
    [
        pytest.param(Ifp(Indicator.NO_SIGNAL), "00", id="no signal"),
        pytest.param(Ifp(Indicator.V17_14400_LONG), "1e", id="training"),
        pytest.param(Ifp(Modulation.V21, ((Part.HDLC_DATA, b"\xff"),)), "c001800000ff", id="octet of HDLC"),
        pytest.param(
            Ifp(Modulation.V21, ((Part.HDLC_DATA, b"\xff\xc8"), (Part.HDLC_FCS_OK_SIG_END, b""))),
            "c002800001ffc840",
            id="frame",
        ),
        pytest.param(
            Ifp(Modulation.V17_14400, ((Part.NON_ECM_DATA, bytes(300)),)),
            "d001e0012b" + "00" * 300,
            id="image",
        ),
        pytest.param(Ifp(Modulation.V17_14400, ((Part.NON_ECM_SIG_END, b""),)), "d00170", id="end of image"),
    ],
)
def test_octets(packet: Ifp, octets: str) -> None:
    assert packet.encode().hex() == octets
    assert parse(bytes.fromhex(octets)) == packet


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("", id="empty"),
        pytest.param("0000", id="indicator with more behind it"),
        pytest.param("80", id="indicator with fields"),
        pytest.param("0a", id="indicator of a modem that the lab has not"),
        pytest.param("40", id="data without fields"),
        pytest.param("c0", id="no count"),
        pytest.param("c000", id="no field"),
        pytest.param("c0ff00", id="too many"),
        pytest.param("c001", id="field missing"),
        pytest.param("c00180", id="length missing"),
        pytest.param("c001800001ff", id="octets missing"),
        pytest.param("c00170ff", id="more behind it"),
        pytest.param("c00171", id="padding"),
        pytest.param("c20170", id="modulation that the lab has not"),
    ],
)
def test_what_is_none(octets: str) -> None:
    assert parse(bytes.fromhex(octets)) is None


FIELDS = st.tuples(st.sampled_from(Part), st.binary(max_size=200))


@given(st.sampled_from(Modulation), st.lists(FIELDS, min_size=1, max_size=16))
def test_what_is_written_can_be_read(modulation: Modulation, fields: list[tuple[Part, bytes]]) -> None:
    made = Ifp(modulation, tuple(fields))
    assert parse(made.encode()) == made


@given(st.binary(max_size=60))
def test_any_octets_are_read_or_not(data: bytes) -> None:
    if (found := parse(data)) is not None:
        assert found.encode() == data


def test_what_no_packet_can_be() -> None:
    with pytest.raises(ValueError, match="no fields"):
        Ifp(Indicator.CNG, ((Part.HDLC_DATA, b"x"),)).encode()
    with pytest.raises(ValueError, match="fields"):
        Ifp(Modulation.V21).encode()
