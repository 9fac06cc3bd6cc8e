"""Parses the README for its tests: fenced blocks, code spans, and the table of settings, in a file of its own."""

import re
from enum import Enum
from typing import Any, NamedTuple

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from checkout import ROOT
from gateway.observe.logs import LogSettings
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.commands import ExportSettings, SeedSettings, StatusSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import Limits, Protocol, ServeSettings
from gateway.settings.sources import variable
from gateway.settings.subscriptions import SubscriptionSettings

FILE = ROOT / "README.md"
TEXT = FILE.read_text("utf-8")
SETTINGS_FILE = ROOT / "gateway" / "settings" / "README.md"
SETTINGS = SETTINGS_FILE.read_text("utf-8")

GROUPS: dict[str, tuple[type[BaseSettings], ...]] = {
    "The server, and the file of all commands": (ServeSettings,),
    "The Twilio account and its sync; callbacks": (TwilioSettings, SyncSettings, CallbackSettings),
    "Limits, all on by default": (Limits, SubscriptionSettings),
    "GraphQL over HTTP, and access": (Protocol, AccessSettings),
    "An identity provider, whose tokens are accepted if the first of these is set": (JwtSettings,),
    "Logs, and commands": (LogSettings, StatusSettings, ExportSettings, SeedSettings),
}
"""The groups of the table of settings, in their order. A variable that several kinds read is in the first one's."""

KINDS = [kind for kinds in GROUPS.values() for kind in kinds]
TABLE = re.compile(r"(?<=<!-- settings -->\n)(?:\|.*\n)*")


class Block(NamedTuple):
    """A fenced block; ``name`` is that of the comment above it, if there is one."""

    name: str
    language: str
    text: str


BLOCKS = [
    Block(*found)
    for found in re.findall(r"^(?:<!-- ([\w ]+) -->\n)?```(\w*)\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)
]
SPANS = re.findall(r"`([^`\n]+(?:\n[^`\n]+)?)`", re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE))
"""The contents of code spans, which may extend over the end of a line."""


def settings_table() -> str:
    """The table of all settings, from the code."""
    lines = ["| setting | default | what it is |\n", "|---|---|---|\n"]
    documented: set[str] = set()
    for title, kinds in GROUPS.items():
        lines.append(f"| **{title}** | | |\n")
        for kind in kinds:
            own = {variable(kind, name): field for name, field in kind.model_fields.items()}
            rows = ((name, field) for name, field in own.items() if name not in documented)
            lines += (f"| `{name}` | {_default(field.default)} | {field.description} |\n" for name, field in rows)
            documented |= own.keys()
    return "".join(lines)


def with_settings(text: str) -> str:
    """The text of the file of settings with the table as the code has it."""
    return TABLE.sub(lambda _: settings_table(), text)


def _default(value: Any) -> str:
    """The default as written in the environment; empty if there is none."""
    if value is PydanticUndefined:
        return "needed"
    if isinstance(value, bool):
        return "`on`" if value else "`off`"
    if isinstance(value, (tuple, list)):
        value = ",".join(value)
    if isinstance(value, Enum):
        value = value.value
    return "" if value in (None, "") else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
