"""Erasure: what is erased of each resource, the ledger that keeps erased rows from coming back, and erasure cases."""
