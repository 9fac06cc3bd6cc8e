"""The gateway: HTTP, GraphQL over it, authentication, limits, Twilio, sync, settings and commands."""

import sys
from pathlib import Path

__version__ = "0.1.0"
"""The version of Proxygraph; pyproject.toml reads it here."""

COMMAND = "proxygraph" if Path(sys.argv[0]).stem == "proxygraph" else "python -m gateway"
"""The program's name for messages, as the user typed it before the command's name."""
