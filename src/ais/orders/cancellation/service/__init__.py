"""Giving back, a module a verb: quote, confirm, and what both share."""
