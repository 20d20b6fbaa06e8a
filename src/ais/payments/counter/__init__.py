"""Agencies, cash offices and travel credits over HTTP."""
