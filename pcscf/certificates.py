"""Certificates of the access listeners: read at start, and again at SIGHUP."""

import ssl
from collections.abc import Sequence

from hosting.config import ConfigError
from hosting.daemon import StartError
from pcscf.config import AccessListener, Config
from pcscf.flow import Listener
from pcscf.transport import Transports

#: Keys of a listener that a reload brings into force.
_FILES = ("certificate", "private_key", "client_ca")


class Certificates:
    """bound: the listeners of ``points``, in the same order."""

    def __init__(
        self, transports: Transports, points: Sequence[AccessListener], bound: Sequence[Listener]
    ) -> None:
        self._transports = transports
        self._bound = {_socket(point): listener for point, listener in zip(points, bound, strict=True)}

    def reload(self, points: Sequence[AccessListener]) -> list[str]:
        """Read all files again, and use them for new connections; connections that are up stay.

        Return the listeners that have new certificates. Raises ConfigError where a file is of no use: every
        listener keeps what it has.
        """
        fresh: list[tuple[Listener, ssl.SSLContext]] = []
        for point in points:
            listener = self._bound.get(_socket(point))
            try:
                context = point.tls_context()
            except StartError as error:
                raise ConfigError([str(error)]) from None
            if listener is not None and context is not None:
                fresh.append((listener, context))
        for listener, context in fresh:
            self._transports.renew(listener, context)
        return [f"{listener.transport} {listener.hostport}" for listener, _ in fresh]


def without_files(config: Config) -> Config:
    """Return ``config`` without what ``Certificates.reload`` brings into force."""
    bare = [point.model_copy(update=dict.fromkeys(_FILES)) for point in config.access.listen]
    access = config.access.model_copy(update={"listen": tuple(bare)})
    return config.model_copy(update={"access": access})


def _socket(point: AccessListener) -> tuple[str, str, int]:
    return point.transport, point.address, point.port
