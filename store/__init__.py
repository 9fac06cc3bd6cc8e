"""The store: the archive of Services, Sessions, Participants and Interactions. Only this package contains SQL."""
