"""Settings: from the environment (``PROXYGRAPH_…``) and from flags, which win.

pydantic-settings reads and checks them all before anything runs, so that every problem is told at once.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self, TypeVar

from pydantic import BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX = "PROXYGRAPH_"

Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=0, le=10_000_000)]


def _not_empty(text: object) -> object:
    if text == "":
        raise ValueError("expected the name of a file")
    return text


Database = Annotated[Path, BeforeValidator(_not_empty)]
S = TypeVar("S", bound="Settings")


class SettingsError(Exception):
    """Settings that can't be used: ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(BaseSettings):
    """What a command is told; each field's description is its flag's help."""

    model_config = SettingsConfigDict(env_prefix=PREFIX)

    @classmethod
    def of(cls, flags: Mapping[str, Any]) -> Self:
        """The settings of the environment, overruled by the ``flags`` that are not None.

        Raises SettingsError with every problem there is.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as error:
            raise SettingsError([_problem(found, given) for found in error.errors()]) from error


class Listening(Settings):
    """Where a server listens."""

    host: str = Field("127.0.0.1", min_length=1, description="The address to listen on.")
    port: Port = Field(8000, description="The port to listen on; 0 takes a free one.")


class ServeSettings(Listening):
    """What ``serve`` is told."""

    database: Database = Field(Path("proxygraph.db"), description="The archive's file.")
    workers: Annotated[int, Field(ge=1, le=64)] = Field(1, description="How many processes answer requests.")


class DemoSettings(Listening):
    """What ``demo`` is told."""

    database: Database = Field(Path("proxygraph-demo.db"), description="The demo's file.")


class SeedSettings(Settings):
    """What ``seed`` is told."""

    database: Database = Field(description="The file to fill; it must be new, or hold nothing.")
    services: Count = Field(20, description="How many Services.")
    sessions: Count = Field(100, description="How many Sessions in each Service.")
    interactions: Count = Field(100, description="How many Interactions in each Session.")
    seed: int = Field(1, description="The same seed and sizes give the same account.")


def _problem(found: Mapping[str, Any], flags: Mapping[str, Any]) -> str:
    name = str(found["loc"][0])
    source = f"--{name}" if name in flags else f"{PREFIX}{name.upper()}"
    if found["type"] == "missing":
        return f"--{name} (or {PREFIX}{name.upper()}) is needed, but was not given."
    message = found["msg"].removeprefix("Value error, ")
    return f"{source}: {message[0].lower()}{message[1:]}, but got {found['input']!r}."
