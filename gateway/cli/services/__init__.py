"""Commands that read and change an account's Services at Twilio."""
