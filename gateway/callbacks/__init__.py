"""Twilio's callbacks: their endpoint, the reads that complete them, and the Services' callback URLs."""
