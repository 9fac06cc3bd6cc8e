"""The commands that work on a Twilio account: sync and callbacks."""
