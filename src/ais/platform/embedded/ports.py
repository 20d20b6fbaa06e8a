"""TCP ports of this machine, on the loopback address only."""

import secrets
import socket
from pathlib import Path

ADDRESS = "127.0.0.1"

_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_FIRST = 20_000
_TRIES = 100


def free_port() -> int:
    """A port that was free a moment ago; whoever uses it is ready to lose the race and ask again.

    It lies below the range from which this machine numbers outgoing connections, where there is room: a server that is
    started again on its port finds it free, and not taken by somebody's connection meanwhile.
    """
    below = _first_outgoing_port()
    for _ in range(_TRIES if below > _FIRST else 0):
        port = _FIRST + secrets.randbelow(below - _FIRST)
        if is_free(port):
            return port
    with socket.socket() as listener:
        listener.bind((ADDRESS, 0))
        return int(listener.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as listener:
        # As servers do it: connections that linger in TIME_WAIT do not count as use.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((ADDRESS, port))
        except OSError:
            return False
    return True


def _first_outgoing_port() -> int:
    try:
        return int(_OUTGOING.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0
