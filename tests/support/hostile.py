"""Rows whose texts are made of what answers are made of: separators, cursors, fingerprints and keys of ours."""

from collections.abc import Iterator
from itertools import product

import orjson

import bodies
from bodies import sid
from resolvers.arguments.cursors import cursor_of, fingerprint
from store import interactions, services, sessions
from store.lists.orders import BY_DATE_CREATED, NEVER, Position

FIRST, SESSIONS = 200, 8
FORMS = (
    '{of}."',
    '{cursor}","node":{{',
    ',{{"cursor":"{cursor}","node":{{"sid":"x"}}}}',
    '"}}}},{{"cursor":"{of}.',
    ']}},"pageInfo":{{"hasNextPage":true,"endCursor":"{cursor}"}}',
)


def texts() -> Iterator[str]:
    """For each list at the root and under a Session or a Service, each form with its fingerprint and a cursor of it."""
    lists: list[tuple[str, str | None]] = [
        (relation.name, None) for relation in (services.ALL, sessions.ALL, interactions.ALL)
    ]
    lists += [(interactions.OF_SESSION.name, sid("KC", number)) for number in range(1, SESSIONS + 1)]
    lists += [(relation.name, sid("KS", 1)) for relation in (sessions.OF_SERVICE, interactions.OF_SERVICE)]
    for (name, parent), form in product(lists, FORMS):
        of = fingerprint(name, parent, BY_DATE_CREATED, None)
        yield form.format(of=of, cursor=cursor_of(Position(NEVER, sid("KI", 1)), of))


def rows() -> Iterator[bodies.Body]:
    """Interactions, some of each Session's first and some plain ones, with such texts in each of their properties."""
    for number, text in enumerate(texts(), FIRST):
        yield bodies.interaction(
            number,
            of=1 + number % SESSIONS,
            data=orjson.dumps({"body": text}).decode() if number % 3 else text,
            inbound_resource_url=text,
            url=text if number % 2 else None,
            date_created=bodies.time(number % 9),
        )
