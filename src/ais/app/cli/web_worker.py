"""The application as a worker of the web server loads it."""

from __future__ import annotations

import os
import signal

from ais.app.asgi import create_application as application
from ais.app.cli.processes import PARENT
from ais.platform.embedded import die_with_parent
from ais.platform.http.correlation import Correlated


def create_application() -> Correlated:
    """The program over HTTP, in a process that ends with the server that started it, however that ends."""
    die_with_parent(signal.SIGKILL, parent_pid=int(os.environ[PARENT]))
    return application()
