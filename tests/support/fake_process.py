"""Stands for a process of the edge: gets ready, works, ends; run as ``python -m tests.support.fake_process``.

The configuration file holds one word: what it does.
"""

import json
import signal
import sys
from pathlib import Path


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say(event: str) -> None:
    write(json.dumps({"event": event}))


def main() -> None:
    word = Path(sys.argv[-1]).read_text(encoding="utf-8").strip()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # a handler could come in the middle of a line
    say("starting")
    if word == "broken":
        sys.exit("no such address")
    write("words without structure")
    say("ready")
    signal.sigwait({signal.SIGTERM})
    say("stopped")


main()
