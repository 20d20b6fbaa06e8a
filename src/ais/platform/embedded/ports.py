"""TCP ports of this machine, on the loopback address only."""

import socket

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A port that was free a moment ago; whoever uses it is ready to lose the race and ask again."""
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
