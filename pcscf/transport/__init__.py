"""Sockets: what messages come in on and go out by."""

from pcscf.transport.transports import Transports

__all__ = ["Transports"]
