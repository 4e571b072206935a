"""Erlang/OTP's megaco as an independent reader of what we write (Debian's erlang-megaco)."""

import subprocess
import tempfile
from pathlib import Path

_PROGRAM = """
lists:foreach(fun(File) ->
  {ok, Text} = file:read_file(File),
  case catch megaco_compact_text_encoder:decode_message([], dynamic, Text) of
    {ok, Message} -> io:format("~s\\tok\\t~0p~n", [filename:basename(File), Message]);
    Error -> io:format("~s\\terror\\t~0p~n", [filename:basename(File), Error])
  end
end, lists:sort(filelib:wildcard("DIRECTORY/*.txt"))), halt().
"""


class NotDecoded(AssertionError):
    """Erlang's codec could not read a message."""


def decode_all(messages: list[bytes]) -> list[str]:
    """Return the term that Erlang's compact text decoder makes of each message (without TPKT).

    One start of ``erl`` for all of them. It knows no escaped brace in SDP. Raises NotDecoded with the first
    messages that it refuses.
    """
    with tempfile.TemporaryDirectory() as directory:
        for number, message in enumerate(messages):
            Path(directory, f"{number:06}.txt").write_bytes(message)
        run = subprocess.run(
            ["erl", "-noshell", "-eval", _PROGRAM.replace("DIRECTORY", directory)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
    lines = [line.split("\t", 2) for line in run.stdout.splitlines() if line.count("\t") >= 2]
    if len(lines) != len(messages):
        raise NotDecoded(f"erl answered for {len(lines)} of {len(messages)} messages: {run.stderr[:500]}")
    refused = [int(name[:6]) for name, verdict, _ in lines if verdict != "ok"]
    if refused:
        shown = "\n".join(f"{messages[n].decode(errors='replace')}\n-> {lines[n][2]}" for n in refused[:3])
        raise NotDecoded(f"{len(refused)} of {len(messages)} messages refused:\n{shown}")
    return [term for _, _, term in lines]
