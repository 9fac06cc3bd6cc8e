"""Rows whose texts imitate parts of responses (separators, cursors, fingerprints, keys), as an injection would."""

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
    """Each form, with the fingerprint and a cursor of each list at the root and under a Session or a Service."""
    lists: list[tuple[str, str | None]] = [
        (relation.name, None) for relation in (services.ALL, sessions.ALL, interactions.ALL)
    ]
    lists += [(interactions.OF_SESSION.name, sid("KC", number)) for number in range(1, SESSIONS + 1)]
    lists += [(relation.name, sid("KS", 1)) for relation in (sessions.OF_SERVICE, interactions.OF_SERVICE)]
    for (name, parent), form in product(lists, FORMS):
        of = fingerprint(name, parent, BY_DATE_CREATED, None)
        yield form.format(of=of, cursor=cursor_of(Position(NEVER, sid("KI", 1)), of))


def rows() -> Iterator[bodies.Body]:
    """Interactions with such texts in their properties; some need no JSON escaping elsewhere."""
    for number, text in enumerate(texts(), FIRST):
        yield bodies.interaction(
            number,
            of=1 + number % SESSIONS,
            data=orjson.dumps({"body": text}).decode() if number % 3 else text,
            inbound_resource_url=text,
            url=text if number % 2 else None,
            date_created=bodies.time(number % 9),
        )
