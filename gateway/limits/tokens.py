"""Counts a document's tokens before it is parsed.

graphql-core's own ``max_tokens`` stops at the limit, so it doesn't know the total. The error reports the total, and the
memory of cached documents is bounded by it.
"""

import re

LEXEMES = re.compile(
    r"""
    \#[^\n\r]*                                    # a comment, which is not a token
    | ( [_A-Za-z][_0-9A-Za-z]*           # a name
      | \"{3} (?: \\\"{3} | (?!\"{3}) [\s\S] )* \"{3}     # a block string
      | \" (?: \\. | [^\"\\\n\r] )* \"            # a string
      | \.{3} | [!$&()*:=@\[\]{|}]                # a punctuator
      | -?[0-9][0-9.eE+\-]* )                     # a number
    """,
    re.VERBOSE,
)
"""The lexical tokens of the specification (https://spec.graphql.org/draft/#sec-Language.Source-Text.Lexical-Tokens)."""


def tokens_in(text: str) -> int:
    """The number of lexical tokens in ``text``; if it can't be parsed, of those that are recognized."""
    return sum(map(bool, LEXEMES.findall(text)))
