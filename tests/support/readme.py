"""Parses the README for its tests: fenced blocks, code spans, and the tables of settings."""

import re
from enum import Enum
from typing import Any, NamedTuple

from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings

from checkout import ROOT
from gateway.cli.command_line import variable
from gateway.observe.logs import LogSettings
from gateway.settings.access import AccessSettings, JwtSettings
from gateway.settings.callbacks import CallbackSettings
from gateway.settings.mirror import SyncSettings, TwilioSettings
from gateway.settings.server import ExportSettings, Limits, Protocol, SeedSettings, ServeSettings, StatusSettings
from gateway.settings.subscriptions import SubscriptionSettings

FILE = ROOT / "README.md"
TEXT = FILE.read_text("utf-8")

GROUPS: dict[str, type[BaseSettings]] = {
    group.__name__: group
    for group in (
        ServeSettings,
        TwilioSettings,
        SyncSettings,
        Limits,
        SubscriptionSettings,
        Protocol,
        AccessSettings,
        JwtSettings,
        CallbackSettings,
        LogSettings,
        SeedSettings,
        StatusSettings,
        ExportSettings,
    )
}
"""The tables of settings, in their order. A variable that several groups read is in the first one's."""

TABLE = re.compile(r"(?<=<!-- settings: )(\w+)( -->\n)(?:\|.*\n)*")


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


def settings_table(group: str) -> str:
    """The table of a group, from the code."""
    documented: set[str] = set()
    for kind in GROUPS.values():
        own = {variable(kind, name): field for name, field in kind.model_fields.items()}
        if kind is GROUPS[group]:
            rows = ((name, field) for name, field in own.items() if name not in documented)
            lines = (f"| `{name}` | {_default(field.default)} | {field.description} |\n" for name, field in rows)
            return "| setting | default | what it is |\n|---|---|---|\n" + "".join(lines)
        documented |= own.keys()
    raise KeyError(group)


def with_settings(text: str) -> str:
    """The README's text with all tables of settings as the code has them."""
    return TABLE.sub(lambda found: f"{found[1]}{found[2]}{settings_table(found[1])}", text)


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
