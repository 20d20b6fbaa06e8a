"""Implementations of the way out."""
