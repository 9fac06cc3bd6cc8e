"""The client of Twilio's Proxy API."""
