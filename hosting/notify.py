"""The state of the process for systemd (sd_notify(3)): one datagram to the socket named in NOTIFY_SOCKET."""

import os
import socket


def notify(*lines: str) -> bool:
    """Send ``lines`` ("READY=1", ...). False where nobody listens; a manager that is gone is no error."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name.startswith(("/", "@")):
        return False
    address = "\0" + name[1:] if name.startswith("@") else name  # @: Linux's abstract names
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
        try:
            sender.sendto("\n".join(lines).encode(), address)
        except OSError:
            return False
    return True
