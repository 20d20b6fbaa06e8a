"""A small HTTP/1.1 server and client for the stand-ins: one process, one event loop, little memory.

The server is written on h11 rather than taken from a web framework because a stand-in has to misbehave on request:
to hang without an answer or to cut the connection in the middle, which frameworks do not let an application do.
"""

from ais_sandbox.http.client import HttpClient
from ais_sandbox.http.messages import CutConnection, Delayed, Hang, Reply, Request, Response
from ais_sandbox.http.server import HttpServer

__all__ = ["CutConnection", "Delayed", "Hang", "HttpClient", "HttpServer", "Reply", "Request", "Response"]
