"""The translation of Twilio's errors: the code decides before the status; only Twilio's own 404 means missing."""

import pytest

from gateway.twilio.errors import (
    TwilioDenied,
    TwilioError,
    TwilioHeld,
    TwilioMissing,
    TwilioRefused,
    TwilioUnavailable,
    error_of,
)

STATUSES = (302, 400, 401, 403, 404, 405, 409, 410, 423, 429, 451, 500, 502, 503)
MEANINGS: dict[int, type[TwilioError]] = {
    80615: TwilioHeld,
    20003: TwilioDenied,
    70051: TwilioDenied,
    20429: TwilioUnavailable,
}


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("code", MEANINGS)
@pytest.mark.parametrize("written", [int, str])
def test_a_code_that_is_known_decides_whatever_the_status(status: int, code: int, written: type) -> None:
    error = error_of(status, {"code": written(code), "message": "No.", "status": status}, "DELETE /Services/KS1")
    assert type(error) is MEANINGS[code]
    assert str(error).startswith(f"DELETE /Services/KS1 was answered {status} (code {code}): No.")


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize(
    "body",
    [None, [], "not found", {}, {"code": 404}, {"code": None}, {"code": True}, {"code": 20404.0}, {"code": 20403}],
)
def test_nothing_but_twilios_own_404_says_that_something_is_missing(status: int, body: object) -> None:
    assert not isinstance(error_of(status, body, "GET /Services/KS1"), TwilioMissing)
    twilios = isinstance(error_of(status, {"code": 20404}, "GET /Services/KS1"), TwilioMissing)
    assert twilios == (status == 404)


@pytest.mark.parametrize(
    ("status", "code", "processed", "is_rate_limited"),
    [(429, 20429, False, True), (503, 20429, False, True), (429, None, False, True), (503, None, True, False)],
)
def test_too_many_requests_were_never_processed_and_a_failure_may_have_been(
    status: int, code: int | None, processed: bool, is_rate_limited: bool
) -> None:
    error = error_of(status, {"code": code}, "DELETE /Services/KS1")
    assert isinstance(error, TwilioUnavailable)
    assert (error.processed, error.is_rate_limited) == (processed, is_rate_limited)


def test_another_code_of_twilios_is_its_refusal() -> None:
    assert type(error_of(400, {"code": 80701}, "GET /Services")) is TwilioRefused
