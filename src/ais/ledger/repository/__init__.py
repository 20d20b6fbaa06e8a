"""Every statement and lock of this package, a module a subject."""
