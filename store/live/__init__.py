"""Follows the archive's changes and its sync status as they are committed, by any process; for subscriptions."""
