"""Settings, from flags and the environment."""
