"""The composition root: settings, commands, the ASGI app and HTTP."""
