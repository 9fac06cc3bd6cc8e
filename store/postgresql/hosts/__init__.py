"""Several hosts: reads at replicas, the primary's version, the sync's lock, commits, what a failover could lose."""
