"""Erasure for good: what is erased of each resource, and the ledger that keeps it from coming back."""
