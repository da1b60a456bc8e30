"""Connections that send at once.

The kernel holds a small packet back until the one before it is acknowledged, and a receiver takes up to 40 ms to acknowledge: at 60 frames
a second every third one came too late to be seen, and every small file of a page could wait as long.  asyncio switches that off only for
sockets that were made with TCP's protocol number, and Streamlit makes its own without.
"""

from __future__ import annotations

import socket
from pathlib import Path

DESCRIPTORS = Path("/dev/fd")


def send_at_once() -> None:
    """Set TCP_NODELAY on every socket on which this process listens: the connections that it accepts have it from there.

    Where descriptors cannot be listed (Windows) nothing is done.
    """
    if not DESCRIPTORS.is_dir():
        return
    for descriptor in DESCRIPTORS.iterdir():
        try:
            found = socket.socket(fileno=int(descriptor.name))
        except OSError:
            continue  # a file, a pipe, or the listing itself, which is closed by now
        try:
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        finally:
            found.detach()  # it belongs to somebody else
