"""Writes a document's tokens as text, with various ignored characters, and strings in every notation."""

import json
import re
from collections.abc import Sequence
from random import Random

GAPS = (" ", "\n", ", ", "\t", "\r\n", "\r", ' # a remark: { "quoted } é\n', ",,\n\n  ", " \ufeff", "  ", "#\n")
BLOCK = re.compile(r'[^\s"\\\x00-\x1f]([^"\\\x00-\x1f]*[^\s"\\\x00-\x1f])?')
"""Strings that a block string on one line represents unchanged."""


def text_of(tokens: Sequence[str], random: Random) -> str:
    """The tokens, separated by characters that GraphQL ignores."""
    style = random.random()
    if style < 0.6:
        return " ".join(tokens)
    if style < 0.7:
        return ",".join(tokens)
    if style < 0.85:
        return "\n".join(tokens)
    return "".join([part for pair in zip(tokens, random.choices(GAPS, k=len(tokens)), strict=True) for part in pair])


def string(value: str, random: Random) -> str:
    """``value`` as a literal: plain, all in ASCII, all in escapes, or as a block string."""
    notation = random.random()
    if notation < 0.7:
        return json.dumps(value, ensure_ascii=False)
    if notation < 0.8:
        return json.dumps(value)
    if notation < 0.9 and BLOCK.fullmatch(value):
        return f'"""{value}"""'
    return '"' + "".join(_escape(character, random) for character in value) + '"'


def _escape(character: str, random: Random) -> str:
    number = ord(character)
    if number > 0xFFFF or random.random() < 0.5:
        return f"\\u{{{number:X}}}"
    return f"\\u{number:04x}"
