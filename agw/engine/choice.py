"""Which packet engine moves the media: the native one where it was built, else the portable one.

Engines are imported only where they are used: the portable one brings libsrtp, the native one is not
everywhere, and reading a configuration needs neither.
"""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio

    from agw.engine.api import Engine


class Wanted(Protocol):
    """What the configuration says (``agw.config.EngineSection``)."""

    @property
    def kind(self) -> str:
        """auto, native or portable."""

    @property
    def workers(self) -> int: ...

    @property
    def replay_window(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine before it is made. suites: names as in iq.suites."""

    name: str
    workers: int
    suites: tuple[str, ...]


def native_missing() -> str | None:
    """Why the native engine cannot be used here, as the end of a sentence; None: it can."""
    try:
        importlib.import_module("agw.engine._native")
    except ModuleNotFoundError:
        return "is not built here"
    except ImportError as error:
        return f"cannot be loaded here: {error}"
    return None


def describe(wanted: Wanted) -> Choice:
    """What ``make_engine`` would make."""
    if _native(wanted):
        from agw.engine._native import SUITES

        return Choice("native", wanted.workers, SUITES)
    from agw.engine.srtp import available_suites

    return Choice("portable", 1, available_suites())


def make_engine(loop: "asyncio.AbstractEventLoop", wanted: Wanted, ssrcs: int) -> "Engine":
    """ssrcs: per key and direction. Raises ImportError where native is wanted and missing, OSError."""
    if _native(wanted):
        from agw.engine.native import NativeEngine

        return NativeEngine(loop, workers=wanted.workers, replay_window=wanted.replay_window, ssrcs=ssrcs)
    from agw.engine.portable import PortableEngine

    return PortableEngine(loop, replay_window=wanted.replay_window, ssrcs=ssrcs)


def _native(wanted: Wanted) -> bool:
    return wanted.kind == "native" or (wanted.kind == "auto" and native_missing() is None)
