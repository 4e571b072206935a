"""Certificates on the access side, ours and who may vouch for trunks: read at start, and again at SIGHUP."""

import ssl
from collections.abc import Iterator, Sequence

from hosting.config import ConfigError
from hosting.daemon import StartError
from pcscf.config import Access, AccessListener, Config
from pcscf.flow import Listener
from pcscf.transport import Transports
from pcscf.transport.identity import Peer

#: Keys of a listener, and of a trunk, that a reload brings into force.
_FILES = ("certificate", "private_key", "client_ca")
_TRUST = ("ca", "server_name")


class Certificates:
    """bound: the access listeners, in the order of the file. Raises StartError where a file is of no use."""

    def __init__(self, transports: Transports, access: Access, bound: Sequence[Listener]) -> None:
        self._transports = transports
        self._bound = {_socket(point): own for point, own in zip(access.listen, bound, strict=True)}
        for listener, remote, peer in self._trunks(access):
            transports.trust(listener, remote, peer)

    def reload(self, access: Access) -> list[str]:
        """Read all files again, and use them for new connections; connections that are up stay.

        Return the listeners that have new certificates. Raises ConfigError where a file is of no use:
        everything stays as it is.
        """
        fresh: list[tuple[Listener, ssl.SSLContext]] = []
        try:
            for point in access.listen:
                listener = self._bound.get(_socket(point))
                context = point.tls_context()
                if listener is not None and context is not None:
                    fresh.append((listener, context))
            trusted = list(self._trunks(access))
        except StartError as error:
            raise ConfigError([str(error)]) from None
        for listener, context in fresh:
            self._transports.renew(listener, context)
        for listener, remote, peer in trusted:
            self._transports.trust(listener, remote, peer)
        return [f"{listener.transport} {listener.hostport}" for listener, _ in fresh]

    def _trunks(self, access: Access) -> Iterator[tuple[Listener, tuple[str, int], Peer]]:
        """Yield who is connected to over TLS; the certificate of the listener there is ours."""
        for trunk in access.static:
            at = access.listener_of(trunk)
            if trunk.transport != "tls" or at is None:
                continue
            point = access.listen[at]
            if (listener := self._bound.get(_socket(point))) is not None:
                context = trunk.tls_context(point.certificate, point.private_key)
                yield listener, trunk.remote, Peer(context, trunk.name)


def without_files(config: Config) -> Config:
    """Return ``config`` without what ``Certificates.reload`` brings into force."""
    bare = [point.model_copy(update=dict.fromkeys(_FILES)) for point in config.access.listen]
    trunks = [trunk.model_copy(update=dict.fromkeys(_TRUST)) for trunk in config.access.static]
    access = config.access.model_copy(update={"listen": tuple(bare), "static": tuple(trunks)})
    return config.model_copy(update={"access": access})


def _socket(point: AccessListener) -> tuple[str, str, int]:
    return point.transport, point.address, point.port
