"""HTTP: a request and its answer, origins, compression and rate limits."""
