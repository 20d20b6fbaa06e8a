"""Stand-ins for the outside world, programs of their own that neither import `ais` nor are imported by it.

Each stand-in is a package here (`stripe`, `mailbox`) with its own process and its own storage, started by a subcommand
of `ais-sandbox`. What they share lies beside them: `http` (a small HTTP/1.1 server and client), `storage` (a durable
SQLite file) and `lifetime` (start, stop, and not outliving a parent). A further stand-in is one more package and one
more subcommand in `cli`.
"""
