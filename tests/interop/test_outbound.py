"""RFC 5626 between baresip, the edge and Kamailio's registrar: one phone with two flows."""

import re
from pathlib import Path

import pytest

from tests.interop.test_kamailio import kamailio
from tests.support.baresip import baresip
from tests.support.edge import PASSWORD, aor, network
from tests.support.programs import need

pytestmark = pytest.mark.interop


async def test_a_phone_registers_two_flows_and_is_told_their_timers(tmp_path: Path):
    need("baresip")
    async with (
        kamailio(tmp_path) as (uri, _),
        network(next_hop=uri, transport="tcp") as net,
        baresip(tmp_path, aor("alice"), PASSWORD, net.edge.access, outbound="udp") as phone,
    ):
        await phone.program.line(r"\{1/TCP/v4\} 200 OK")
        await phone.program.line(r"\{2/UDP/v4\} 200 OK")
        assert await net.metric("pcscf", "pcscf_bindings") == 2
        text = phone.program.text.replace("\r", "")
        timers = {}
        for answer in re.findall(r"SIP/2\.0 200 OK\n(Via: .*?)\n\n", text, re.DOTALL):
            assert "\nRequire: outbound\n" in answer
            timers[answer.partition("SIP/2.0/")[2][:3]] = re.findall(r"\nFlow-Timer: (.*)", answer)
        assert timers == {"TCP": ["120"], "UDP": ["29"]}
