"""HTTP: requests and responses, browsers' origins, callers, compression and rate limits."""
