"""The clients of Twilio's Proxy API and 2010 API, and the deletions that they perform."""
