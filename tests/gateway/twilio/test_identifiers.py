"""An identifier that a person types is converted to the form in which Twilio stores it, or used unchanged."""

import pytest

from gateway.twilio.identifiers import understood

STORED = "+12025550121"


@pytest.mark.parametrize(
    "given",
    [
        "+12025550121",
        " +1 (202) 555-0121\n",
        "+1-202-555-0121",
        "+1.202.555.0121",
        "+1 202‑555–0121",
        "＋1 202 555 0121",
        "tel:+1-202-555-0121",
        "+1\N{NO-BREAK SPACE}202 555/0121",
    ],
)
def test_a_number_for_people_to_read_is_understood_in_e164(given: str) -> None:
    assert understood(given).value == STORED


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("+49 (0) 30 901820", "+4930901820"),
        ("+44 020 7946 0958", "+442079460958"),
        ("+39 06 698 12345", "+390669812345"),
        ("whatsapp:+1 (202) 555-0121", "whatsapp:+12025550121"),
        ("WhatsApp:+12025550121", "WhatsApp:+12025550121"),
    ],
)
def test_prefixes_of_a_country_and_of_a_channel_are_known(given: str, value: str) -> None:
    assert understood(given).value == value


@pytest.mark.parametrize(
    "given",
    [
        "messenger:123",
        "messenger:1234567890",
        "sip:anna@example.com",
        "2025550121",
        "+12",
        "+1 202 555 0121, +1 202 555 0122",
        "+12025550121 ext. 7",
        "+1 800 FLOWERS",
        "+",
        "+999 1",
        "Anna B.",
    ],
)
def test_what_is_no_number_is_looked_for_exactly_as_it_was_given(given: str) -> None:
    """A guess could select another person."""
    found = understood(given)
    assert found.value == given
    assert found.sentence.startswith(f"{given} is looked for exactly so")


def test_the_sentence_says_how_it_was_understood() -> None:
    assert understood("+1 (202) 555-0121").sentence == "+1 (202) 555-0121 is understood as +12025550121."
    assert "without + and the country's code" in understood("(202) 555-0121").sentence


@pytest.mark.parametrize("given", ["", " \n"])
def test_nothing_is_no_identifier(given: str) -> None:
    with pytest.raises(ValueError, match=r"^Expected an identifier, such as \+12025550121"):
        understood(given)
