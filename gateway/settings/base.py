"""The base of all groups of settings: from flags, the environment (``PROXYGRAPH_…``) and a file (sources.py).

pydantic-settings reads and checks all of them before anything runs, so a command reports every problem at once.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import SettingsConfigDict

from gateway.settings.sources import PREFIX, FileSettings, SettingsError, source_of, variable
from store.engine.database import AddressRefused

DAY = 86_400
YEARS = 100
"""The longest time that a setting may name; dates and timers can hold it."""

PYDANTICS = "Input should be "
BOUNDS = {"greater than or equal to": "at least", "less than or equal to": "at most", "greater than": "more than"}
"""pydantic's words for the bounds of a number, and shorter ones."""

Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]
Most = Annotated[int, Field(ge=1)]


def separated(given: object) -> object:
    """Splits a string at its commas; returns anything else unchanged."""
    return [part for part in map(str.strip, given.split(",")) if part] if isinstance(given, str) else given


S = TypeVar("S", bound="Settings")


class Settings(FileSettings):
    """A group of settings; each field's description is also its flag's help text."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, allow_inf_nan=False)
    has_flags: ClassVar[bool] = True

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Self:
        """The settings of the file, the environment and ``flags``: the latter win. Flags that are None, or of other
        groups, are ignored.

        Raises SettingsError with every problem.
        """
        given = {name: value for name, value in flags.items() if value is not None and name in cls.model_fields}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError([_problem(found, given, cls) for found in error.errors()]) from error


def _problem(found: Mapping[str, Any], flags: Mapping[str, Any], kind: type[Settings]) -> str:
    if not found["loc"]:
        return f"{found['msg'].removeprefix('Value error, ')}."
    name = str(found["loc"][0])
    named = variable(kind, name) if name in kind.model_fields else name
    flag = f"--{name.replace('_', '-')}"
    source = flag if name in flags else source_of(named)
    if found["type"] == "missing":
        if not kind.has_flags:
            return f"{named} is needed, but was not given."
        return f"{flag} (or {named}) is needed, but was not given."
    message = _expectation(found["msg"].removeprefix("Value error, "))
    if isinstance(found.get("ctx", {}).get("error"), AddressRefused):  # It says what it got, without a password.
        return f"{source}: {message}"
    shown = "" if _is_secret(kind, name) else f", but got {found['input']!r}"
    return f"{source}: {message}{shown}."


def _expectation(message: str) -> str:
    """The message of pydantic in the form of our other errors, such as "expected at least 1"."""
    wanted = message.removeprefix(PYDANTICS)
    if wanted == message:
        return message[0].lower() + message[1:]
    if wanted.startswith("a valid "):
        wanted, _, _ = wanted.partition(", ")  # Without how parsing failed.
    for long, short in BOUNDS.items():
        if wanted.startswith(long):
            wanted = short + wanted.removeprefix(long)
            break
    return f"expected {wanted}"


def _is_secret(kind: type[Settings], name: str) -> bool:
    """Whether the setting's value is a secret; in a file it may have the wrong type, and may still not be shown."""
    return name in kind.model_fields and "Secret" in str(kind.model_fields[name].annotation)
