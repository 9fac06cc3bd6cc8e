"""Authentication: keys and JWTs become an Access."""
