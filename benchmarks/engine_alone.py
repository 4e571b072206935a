"""python -m benchmarks.engine_alone KIND UE_PORT CORE_PORT: a packet engine, and nothing else is kept.

It reads numbers of streams from standard input, opens so many more, and writes a line for each: address and
port of the UE's side, of the core's side, both keys in hexadecimal.
"""

import asyncio
import os
import resource
import sys
from dataclasses import dataclass

from agw.engine.api import Engine, Leg, Transform
from agw.engine.choice import make_engine
from benchmarks.edge import SUBNET
from benchmarks.load import FAR, UE
from iq.procedures import Endpoint
from iq.suites import SUITES, Crypto, Key

SUITE = "AES_CM_128_HMAC_SHA1_80"
FIRST_PORT = 10_000
ACCESS, CORE = f"{SUBNET}.52", f"{SUBNET}.53"


@dataclass(frozen=True)
class Wanted:
    kind: str
    workers: int = 1
    replay_window: int = 128


async def main(kind: str, ue: int, core: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop = asyncio.get_running_loop()
    engine = make_engine(loop, Wanted(kind), 64)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    port = FIRST_PORT
    while line := await reader.readline():
        for _ in range(int(line)):
            _open(engine, port, ue, core)
            port += 2
        sys.stdout.flush()
    engine.stop()


def _open(engine: Engine, port: int, ue: int, core: int) -> None:
    octets = SUITES[SUITE].octets
    there, back = os.urandom(octets), os.urandom(octets)
    access, inner = engine.open(ACCESS, port, 46), engine.open(CORE, port, 46)
    keys = Crypto(SUITE, Key(back)), Crypto(SUITE, Key(there))
    engine.join(access, inner)
    engine.edit(access, Leg(Transform.SRTP, *keys, True, True, Endpoint(UE, ue), True, UE))
    engine.edit(inner, Leg(Transform.NONE, None, None, True, True, Endpoint(FAR, core)))
    engine.commit()
    print(f"{ACCESS} {port} {CORE} {port} {there.hex()} {back.hex()}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
