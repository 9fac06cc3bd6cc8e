"""Identifiers of people as a person types them, and as Twilio stores them.

Twilio stores a telephone number in E.164 (``+12025550121``) and any other address as it was given
(``messenger:123``). So a number that was typed for people to read, ``+1 (202) 555-0121``, is put into that form, also
behind a channel's name (``whatsapp:+1 202 555 0121``).
"""

import re
from typing import NamedTuple

import phonenumbers

CHANNEL = re.compile(r"[a-z][a-z0-9.-]*:", re.IGNORECASE)
NUMBER = re.compile(r"\s*[+＋][\d\s().\-‐-―/]*")
"""A plus sign, digits, and what people write between them. Anything else is no number, such as two in one text."""
DIALLED = re.compile(r"[\d\s().\-‐-―/]{7,}")
"""A number without the code of its country, which can't be known."""
TEL = "tel:"
"""The scheme of RFC 3966; Twilio stores such a number without it."""


class Identifier(NamedTuple):
    """An identifier as Twilio stores it, and as it was given."""

    value: str
    given: str

    @property
    def sentence(self) -> str:
        """How it was understood, for the person who gave it."""
        if self.value != self.given:
            return f"{self.given} is understood as {self.value}."
        if DIALLED.fullmatch(self.value):
            return f"{self.value} is looked for exactly so: without + and the country's code it is no whole number."
        return f"{self.value} is looked for exactly so."


def understood(given: str) -> Identifier:
    """The identifier in the text that a command was given.

    A text that is no telephone number is taken as it is, without the white space around it. Raises ValueError, with a
    sentence, where nothing is left.
    """
    text = given.strip()
    if not text:
        raise ValueError("Expected an identifier, such as +12025550121 or messenger:123, but got an empty text.")
    channel = found[0] if (found := CHANNEL.match(text)) else ""
    number = _e164(text[len(channel) :])
    if number is None:
        return Identifier(text, text)
    return Identifier(number if channel.lower() == TEL else f"{channel}{number}", text)


def _e164(text: str) -> str | None:
    if not NUMBER.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
