"""The stand-in for a mail server: takes real SMTP, keeps every message, and has a page to read them.

Nothing is ever sent on. It misbehaves on request, as mail servers do: it refuses for now or for good, hangs, is slow,
or drops the connection before or after it has taken a message.
"""
