"""The demo account: made-up conversations."""
