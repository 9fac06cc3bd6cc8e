"""What has just changed in the archive, whichever process changed it, for those who wait for it."""
