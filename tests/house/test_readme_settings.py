"""The table of settings in gateway/settings/README.md equals the code. After a change there:

pytest tests/house/test_readme_settings.py --rewrite-golden
"""

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic_settings import BaseSettings

import readme
from gateway.cli import commands
from gateway.http.rate_limit import WITH_A_KEY
from gateway.observe import logs
from gateway.settings import access as access_settings
from gateway.settings import commands as command_settings
from gateway.settings import server as settings
from gateway.settings import subscriptions as subscription_settings
from gateway.settings.access import Algorithm, JwtSettings
from gateway.settings.base import Settings
from gateway.settings.commands import KeysSettings
from gateway.settings.server import Limits
from gateway.settings.sources import variable
from gateway.settings.unknown import NO_SETTINGS


def all_kinds() -> Iterator[type[BaseSettings]]:
    for module in (settings, command_settings, access_settings, subscription_settings, logs, commands):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, BaseSettings) and kind.model_fields:
                yield kind


def test_the_table_has_the_settings_of_the_code(request: pytest.FixtureRequest) -> None:
    text = readme.SETTINGS_FILE.read_text("utf-8")
    assert len(readme.TABLE.findall(text)) == 1
    written = readme.with_settings(text)
    if request.config.getoption("--rewrite-golden"):
        readme.SETTINGS_FILE.write_text(written, "utf-8")
    assert readme.SETTINGS_FILE.read_text("utf-8") == written


def test_every_setting_is_in_one_table_and_only_existing_ones() -> None:
    text = readme.with_settings(readme.SETTINGS)
    documented = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted({variable(kind, name) for kind in all_kinds() for name in kind.model_fields})
    assert set(re.findall(r"\b(?:PROXYGRAPH|TWILIO)_[A-Z_]+", text + readme.TEXT)) <= {*documented, *NO_SETTINGS}


def test_every_setting_says_in_a_sentence_what_it_does() -> None:
    for kind in all_kinds():
        for name, field in kind.model_fields.items():
            assert field.description, (kind, name)
            assert re.fullmatch(r"[^|\[\]\n]+\.", field.description), (kind, name)


def test_a_default_is_shown_as_written_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, default in re.findall(r"^\| `(PROXYGRAPH_[A-Z_]+)` \| `([^`]+)` \|", readme.SETTINGS, re.MULTILINE):
        monkeypatch.setenv(name, default)
    for kind in readme.KINDS:
        if issubclass(kind, Settings) and not any(field.is_required() for field in kind.model_fields.values()):
            assert kind.of({}) == kind.model_construct()
    assert KeysSettings.of({}) == KeysSettings.model_construct()


def test_the_values_in_a_description_are_those_of_the_code() -> None:
    assert f"{WITH_A_KEY:,} with a key" in str(Limits.model_fields["rate"].description)
    algorithms = JwtSettings.model_fields["algorithms"]
    others = re.findall(r"\w+\d{3}", str(algorithms.description))
    assert sorted((*algorithms.default, *others)) == sorted(get_args(Algorithm))
