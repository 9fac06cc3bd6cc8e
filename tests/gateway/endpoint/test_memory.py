"""The caches of documents, plans and callers are bounded in bytes, whatever clients send."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from gateway.endpoint import documents
from gateway.endpoint.execution import execute
from gateway.endpoint.plan_cache import PlanCache
from gateway.endpoint.results import Request
from gateway.http.callers import caller_of
from gateway.http.exchange import JSON, HttpError, preferred
from gateway.http.rate_limit import MOST_CALLERS, Rates
from gateway.settings.server import Limits
from resolvers.access import ANYBODY
from resolvers.context import Context
from resolvers.plans.selections import LONGEST_KEY
from store.engine.protocols import Archive
from store.plans.page_shapes import REMEMBERED_BYTES
from store.services import Service
from store.sqlite.statements.plan_statements import row_sql
from store.sqlite.statements.projections import Projection

LONG = "x" * 40_000
DOCUMENTS: dict[str, Callable[[int], str]] = {
    "an alias in a list": lambda number: f"{{ services {{ nodes {{ a{number}{LONG}: sid }} }} }}",
    "an alias in an object": lambda number: f'{{ service(sid: "KS{number:032}") {{ a{number}{LONG}: sid }} }}',
    "an alias of edges": lambda number: f"{{ services {{ a{number}{LONG}: edges {{ cursor }} }} }}",
    "a comment": lambda number: f"{{ services {{ totalCount }} }} # {number}{LONG}",
    "a literal": lambda number: f'{{ services(after: "\\t{number}{LONG}") {{ totalCount }} }}',
    "an operation's name": lambda number: f"query a{number}{LONG} {{ services {{ totalCount }} }}",
    "a field that is not there": lambda number: f"{{ a{number}{LONG} }}",
}


@pytest.mark.parametrize("planned", [True, False])
@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_cached_documents_take_no_more_bytes_than_counted(archive: Archive, kind: str, planned: bool) -> None:
    plans = PlanCache()
    await execute(Request("{ services { totalCount nodes { sid } } }"), Context(archive), Limits.of({}), plans)
    documents.REMEMBERED.clear()
    gc.collect()
    tracemalloc.start()
    counted = plans.size
    try:
        for number in range(8):
            await execute(Request(DOCUMENTS[kind](number)), Context(archive), Limits.of({}), plans if planned else None)
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept <= documents.REMEMBERED.currsize + plans.size - counted + 200_000


@pytest.mark.parametrize("length", [LONGEST_KEY, LONGEST_KEY + 1])
async def test_long_response_keys_work_like_others(archive: Archive, length: int) -> None:
    key, inner = "k" * length, "i" * length
    asked = Request(f"{{ {key}: services {{ {inner}: totalCount }} }}")
    result = await execute(asked, Context(archive), Limits.of({}), PlanCache())
    assert result.is_planned is (length <= LONGEST_KEY)
    assert result.encoded() == b'{"data":{"%b":{"%b":1}}}' % (key.encode(), inner.encode())


def test_cached_statements_are_bounded_in_bytes() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(300):
            row_sql(Service, Projection((f"'{number}{LONG}'",)))
        gc.collect()
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept <= 2.5 * REMEMBERED_BYTES  # A statement, and the projection by which it is found.


def test_cached_accept_headers_are_bounded_in_bytes() -> None:
    tracemalloc.start()
    try:
        for number in range(500):
            assert preferred(b"text/%d%b, application/json" % (number, LONG.encode()), (JSON,)) == JSON
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept <= 2_000_000


def test_the_number_of_counted_callers_is_bounded() -> None:
    rates, most = Rates(1), MOST_CALLERS
    for number in range(most + 1):
        rates.count(caller_of({"client": (f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1)}, ANYBODY))
    rates.count(caller_of({"client": ("10.0.0.0", 1)}, ANYBODY))  # The first is forgotten, and begins anew.
    with pytest.raises(HttpError, match="requests a minute, but got"):
        rates.count(caller_of({"client": ("10.0.0.0", 1)}, ANYBODY))


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8::1", "2001:db8::ffff:2"), ("unknown", "_hidden"), ("unknown", f"{LONG}.1")]
)
def test_addresses_of_one_ipv6_network_and_invalid_addresses_share_one_rate(one: str, other: str) -> None:
    """One client owns a whole /64 network of IPv6, and a proxy may forward something that is not an address."""
    rates = Rates(1)
    rates.count(caller_of({"client": (one, 1)}, ANYBODY))
    with pytest.raises(HttpError, match="requests a minute, but got"):
        rates.count(caller_of({"client": (other, 1)}, ANYBODY))
