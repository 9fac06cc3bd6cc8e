"""Authentication: turns the key or JWT of a request into an Access."""
