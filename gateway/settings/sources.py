"""Where settings come from: flags, which win over environment variables, which win over a settings file (TOML).

``--config`` or PROXYGRAPH_CONFIG names the file. A key of it is the name of the setting's variable in lower case,
without PROXYGRAPH_; a table's name is the beginning of the names in it. So ``sync_rate = 20``, and ``rate = 20`` in
``[sync]``, are PROXYGRAPH_SYNC_RATE, and ``account_sid`` in ``[twilio]`` is TWILIO_ACCOUNT_SID.
"""

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import AliasChoices
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, TomlConfigSettingsSource

PREFIX = "PROXYGRAPH_"
CONFIG = f"{PREFIX}CONFIG"
NEAR = 0.6
"""How similar an unknown name must be to a setting's to suggest the setting."""


class SettingsError(Exception):
    """Invalid settings: ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def variable(settings: type[BaseSettings], name: str) -> str:
    """The environment variable of the setting ``name``."""
    alias = settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[-1])
    return alias if isinstance(alias, str) else f"{settings.model_config.get('env_prefix', '')}{name.upper()}"


class SettingsFile(TomlConfigSettingsSource):
    """The settings file as a source of pydantic-settings; empty if none is named. Raises SettingsError."""

    def __init__(self, settings: type[BaseSettings]) -> None:
        path = os.environ.get(CONFIG)
        expected = f"{CONFIG} (or --config): expected a TOML file, but"
        if path and not Path(path).expanduser().is_file():
            raise SettingsError([f"{expected} {path} is none."])
        try:
            super().__init__(settings, toml_file=path or None)
        except OSError as error:
            raise SettingsError([f"{expected} {path} can't be read: {error.strerror}."]) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            reason = error if isinstance(error, tomllib.TOMLDecodeError) else "It isn't UTF-8"
            raise SettingsError([f"{expected} got {path}, which isn't valid. {reason}."]) from error
        self.values = dict[str, Any]()
        for name, value in _flat(self.toml_data):
            if name in self.values:
                raise SettingsError([f"{key_of(name)} in {path} is given twice."])
            self.values[name] = value

    def __call__(self) -> dict[str, Any]:
        """The values for the fields of this group of settings."""
        # By the names that pydantic-settings' other sources use, so that the values of one setting have one name.
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            known_as = variable(self.settings_cls, name)
            if known_as in self.values:
                alias = field.validation_alias
                first = alias.choices[0] if isinstance(alias, AliasChoices) else alias or name
                found[str(first)] = self.values[known_as]
        return found


class FileSettings(BaseSettings):
    """A group of settings that may be in the settings file too."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The sources, of which the first wins; pydantic-settings calls this."""
        return init_settings, env_settings, SettingsFile(settings_cls)


def in_file() -> Mapping[str, Any]:
    """What the settings file has, by the names of the variables. Raises SettingsError."""
    return SettingsFile(BaseSettings).values


def value_of(name: str) -> Any:
    """The value of the variable ``name``, or of the settings file; None if neither has it. Raises SettingsError."""
    return os.environ[name] if name in os.environ else in_file().get(name)


def source_of(name: str) -> str:
    """How a message names the setting of the variable ``name``: by the variable, or by its key in the file."""
    if name in os.environ or name not in in_file():
        return name
    return f"{key_of(name)} in {os.environ[CONFIG]}"


def key_of(name: str) -> str:
    """The key in the settings file for the variable ``name``."""
    return name.removeprefix(PREFIX).lower()


def unknown_keys(known: Iterable[str]) -> Iterator[str]:
    """A sentence for each key of the settings file whose variable isn't ``known``. Raises SettingsError."""
    names = set(known)
    for name in in_file():
        if name not in names:
            near = get_close_matches(key_of(name), map(key_of, sorted(names)), 1, NEAR)
            suggestion = f"Did you mean {near[0]}?" if near else "The README lists all settings."
            yield f"{key_of(name)} in {os.environ[CONFIG]} is not a setting of Proxygraph. {suggestion}"


def _flat(table: Mapping[str, Any], lead: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        name = f"{lead}{key.upper()}"
        if isinstance(value, dict):
            yield from _flat(value, f"{name}_")
        else:
            yield name if name.startswith("TWILIO_") else f"{PREFIX}{name}", value
