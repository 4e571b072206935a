"""python -m benchmarks [signalling] [media] [streams] [handshakes] [codecs] [soak] [options]

Status 1 where anything was lost.
"""

import argparse
import importlib
import sys
import time

from benchmarks import build
from benchmarks.errors import BenchmarkFailed
from benchmarks.machine import describe
from benchmarks.options import Options

NAMES = ("signalling", "media", "streams", "handshakes", "codecs", "soak")
_PEERS = {
    "signalling": ("Kamailio", "rtpengine", "SIPp"),
    "media": ("rtpengine",),
    "streams": ("socat", "stunnel"),
    "handshakes": ("rtpengine", "stunnel"),
    "soak": ("SIPp",),
}
_SIGNALLING_PARTS = {
    "cost": "CPU per call",
    "capacity": "calls/s that one core carries",
    "registrations": "registrations/s that one core carries",
    "held": "memory of calls that are held",
}
_MEDIA_PARTS = {
    "stall": "how fast streams flow again after a standstill",
    "scaling": "what a second worker thread brings",
    "memory": "of an established stream",
    "contention": "lateness while streams come and go",
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=sys.modules[__name__].__doc__)
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], help="default: all but soak")
    parser.add_argument(
        "--quick", action="store_true", help="a smoke run of seconds: no figure of it means much"
    )
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument(
        "--build", help="directory to import from, or source; default: build/compiled where it exists"
    )
    parser.add_argument(
        "--rates", type=_numbers, help="signalling, its --cost alone: calls/s, e.g. 100,200,300"
    )
    parser.add_argument("--seconds", type=float, help="of one run")
    parser.add_argument("--repetitions", type=int, help="of each run")
    parser.add_argument("--streams", type=_numbers, help="media: two-way streams, e.g. 100,1000")
    parser.add_argument("--modes", type=_words, help="media: of cm80, gcm, plain")
    parser.add_argument("--calls", type=int, help="signalling --held: calls")
    parser.add_argument("--minutes", type=float, help="soak: how long")
    parser.add_argument("--rate", type=float, help="soak: calls/s")
    parser.add_argument("--mebibytes", type=int, help="streams: of one transfer")
    for name, parts, instead in (
        ("signalling", _SIGNALLING_PARTS, "not all"),
        ("media", _MEDIA_PARTS, "not its table"),
    ):
        for part, text in parts.items():
            parser.add_argument(
                f"--{part}",
                dest="parts",
                action="append_const",
                const=part,
                help=f"{name}, {instead}: {text}",
            )
    given = parser.parse_args(arguments)
    quick = given.quick
    options = Options(
        quick=quick,
        peers=not given.no_peers,
        rates=given.rates or ((50,) if quick else (100, 200, 300, 400)),
        seconds=given.seconds or (1.0 if quick else 4.0),
        repetitions=given.repetitions or (1 if quick else 3),
        streams=given.streams or ((5,) if quick else (1, 100, 1000)),
        calls=given.calls or (20 if quick else 4500),
        modes=given.modes or ("cm80", "gcm", "plain"),
        parts=frozenset((given.parts or []) + (["cost"] if given.rates else [])),
        minutes=given.minutes or (0.2 if quick else 60.0),
        rate=given.rate or 20.0,
        mebibytes=given.mebibytes or (4 if quick else 100),
    )
    names = given.names or NAMES[:-1]
    peers = dict.fromkeys(
        peer for name in names for peer in _PEERS.get(name, ()) if options.peers or peer == "SIPp"
    )
    try:
        imported = build.choose(given.build)
    except BenchmarkFailed as failed:
        parser.error(str(failed))
    print(f"{describe(peers)}\ncode      {imported}")
    status = 0
    for name in names:
        print(f"\n{name}  ({time.strftime('%Y-%m-%d %H:%M:%S')})", flush=True)
        try:
            failures = importlib.import_module(f"benchmarks.{name}").run(options)
        except BenchmarkFailed as failed:
            print(f"\n{name} FAILED: {failed}", file=sys.stderr)
            status = 1
            continue
        if failures:
            print(f"{name} FAILED: {failures} lost or wrong, see above", file=sys.stderr)
            status = 1
    return status


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(",") if int(part) > 0)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("interrupted")
