"""How many tokens a document has, counted before it is parsed."""

import re

LEXEMES = re.compile(
    r"""
    \#[^\n\r]*                                    # a comment, which is no token
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
    """The number of lexical tokens in ``text``; of one that can't be parsed, as many as can be told apart."""
    return sum(map(bool, LEXEMES.findall(text)))
