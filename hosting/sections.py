"""Keys that the files of both processes share, and the types of their values."""

import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, ValidationInfo

from hosting.config import Finding, Section


def is_loopback(address: str) -> bool:
    """127.0.0.0/8 or ::1."""
    return ipaddress.ip_address(address).is_loopback


def is_wildcard(address: str) -> bool:
    """0.0.0.0 or ::, which no peer can send to."""
    return ipaddress.ip_address(address).is_unspecified


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("is not an IP address (names are not looked up here)") from None


def _existing(path: Path, info: ValidationInfo) -> Path:
    """Relative paths are relative to the file that says them (hosting.config.load gives its directory)."""
    directory = (info.context or {}).get("directory")
    path = path if directory is None else directory / path
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


Address = Annotated[str, AfterValidator(_address)]
"""An IPv4 or IPv6 address, without brackets."""

Host = Annotated[
    str, StringConstraints(max_length=255, pattern=r"^[0-9A-Za-z]([0-9A-Za-z.:-]*[0-9A-Za-z])?$|^::1?$")
]
"""A host name or an IP address, without brackets."""

Name = Annotated[str, StringConstraints(max_length=64, pattern=r"^[0-9A-Za-z_][0-9A-Za-z_.-]*$")]
"""A name that stands in H.248 text, metrics and logs."""

Port = Annotated[int, Field(ge=0, le=65535)]
"""0: any free port, for tests."""

Seconds = Annotated[float, Field(gt=0, le=86_400 * 7)]
File = Annotated[Path, AfterValidator(_existing)]


class TlsFiles(Section):
    """Mutual TLS: both ends present a certificate that the other end's ``ca`` vouches for."""

    certificate: File
    """PEM file: our certificate and what it needs up to the CA."""
    private_key: File
    """PEM file: its key, not encrypted."""
    ca: File
    """PEM file: whose certificates the peer may present."""


class AdminSection(Section):
    address: Address = "127.0.0.1"
    """Where /healthz and /metrics are served; there is no authentication."""
    port: Port = 8080

    def warnings(self) -> Iterator[Finding]:
        if not is_loopback(self.address):
            yield ("address",), "is outside loopback, and nothing there asks who is reading"


class LogSection(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is less grave is not written."""
    format: Literal["auto", "console", "json"] = "auto"
    """auto: console where standard output is a terminal, else json."""


class Root(Section):
    """What hosting.cli needs of a whole file."""

    drain: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Seconds that SIGTERM leaves to what is under way."""
    admin: AdminSection = AdminSection()
    log: LogSection = LogSection()
