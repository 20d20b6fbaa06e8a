"""Plumbing that knows nothing of airlines: settings, database, jobs, HTTP, telemetry, embedded servers."""
