"""Use cases of the ledger, one module a verb."""
