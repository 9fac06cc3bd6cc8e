"""Converts identifiers of people, as somebody types them, to the form in which Twilio stores them.

Twilio stores a telephone number in E.164 (``+12025550121``), and any other address unchanged (``messenger:123``). So a
number in another notation, such as ``+1 (202) 555-0121``, is converted to E.164, also after the name of a channel
(``whatsapp:+1 202 555 0121``).
"""

import re
from typing import NamedTuple

import phonenumbers

CHANNEL = re.compile(r"[a-z][a-z0-9.-]*:", re.IGNORECASE)
NUMBER = re.compile(r"\s*[+＋][\d\s().\-‐-―/]*")
"""A plus sign, digits, and usual separators. Anything else, such as two numbers in one text, isn't converted."""
DIALLED = re.compile(r"[\d\s().\-‐-―/]{7,}")
"""A number without a country code, which can't be guessed."""
TEL = "tel:"
"""The scheme of RFC 3966; Twilio stores such a number without it."""


class Identifier(NamedTuple):
    """An identifier as Twilio stores it (``value``), and as it was typed (``given``)."""

    value: str
    given: str

    @property
    def sentence(self) -> str:
        """Tells the person who typed it which identifier is searched for."""
        if self.value != self.given:
            return f"{self.given} is understood as {self.value}."
        if DIALLED.fullmatch(self.value):
            return f"{self.value} is looked for exactly so: without + and the country's code it is no whole number."
        return f"{self.value} is looked for exactly so."


def understood(given: str) -> Identifier:
    """The identifier in the text that a command was given.

    A text that isn't a telephone number stays unchanged, except for white space around it. Raises ValueError, with a
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
