"""What can go wrong with a server that the program starts itself, each as one sentence for a person at a terminal."""


class EmbeddedServerError(Exception):
    """A server could not be started, kept or stopped; `str(error)` is one clear sentence and needs no traceback."""


class ServerTooOldError(EmbeddedServerError):
    """The PostgreSQL server is older than the program needs."""


class PortInUseError(EmbeddedServerError):
    """The port that was asked for belongs to another program."""


class FolderInUseError(EmbeddedServerError):
    """Another running program holds the data folder."""


class ChildFailedError(EmbeddedServerError):
    """A child process ended, or was not ready in time."""
