"""A URL is taken as libpq takes it; what can't be honoured is refused, and a password is never shown."""

from typing import Any

import pytest

from store.engine.database import Address, AddressRefused
from store.postgresql.addresses import arguments


def of(parameters: str) -> dict[str, Any]:
    return arguments(Address(f"postgresql://user:secret@a:1,b:2/name?{parameters}"))


def test_hosts_tls_and_the_password_file_are_passed_on() -> None:
    url = "sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem&passfile=%2Fetc%2Fpass&target_session_attrs=primary"
    assert of(url)["dsn"] == f"postgresql://user:secret@a:1,b:2/name?{url}"


def test_parameters_that_the_driver_would_send_to_the_server_are_handled() -> None:
    given = of("connect_timeout=3&keepalives=1&application_name=console&options=-c%20search_path%3Darchive")
    assert given["dsn"] == "postgresql://user:secret@a:1,b:2/name?target_session_attrs=primary"
    assert given["timeout"] == 3
    assert given["server_settings"] == {"application_name": "console", "options": "-c search_path=archive"}


@pytest.mark.parametrize("parameters", ["channel_binding=require", "statement_timeout=0", "connect_timeout=soon"])
def test_an_unsupported_parameter_is_refused_without_showing_the_password(parameters: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        of(parameters)
    assert str(refusal.value).startswith("Expected ")
    assert "secret" not in str(refusal.value)
