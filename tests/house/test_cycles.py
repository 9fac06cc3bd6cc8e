"""No import cycles between files. Imports of types count too, which the contracts of pyproject.toml leave out."""

from graphlib import CycleError, TopologicalSorter

import grimp

from checkout import ROOMS

OF_TYPES = {
    ("store.engine.sql", "store.lists.parent_pages"),
    ("store.engine.sql", "store.lists.relations"),
    ("gateway.transport.request_cycle", "gateway.transport.connection"),
    ("resolvers.plans.feed_steps", "resolvers.plans.compiler"),
}
"""A Dialect writes lists, whose conditions a Dialect writes too; a part is typed by the whole that calls it."""
TYPES_OF_SCHEMA = {"schema.services", "schema.sessions", "schema.participants", "schema.interactions"}
"""Fields of Twilio's resources lead from each to the others, so Strawberry imports their types lazily."""


def test_no_file_imports_itself_through_others() -> None:
    graph = grimp.build_graph(*ROOMS, exclude_type_checking_imports=False, cache_dir=None)
    imports = {
        (file, imported)
        for file in graph.modules
        for imported in graph.find_modules_directly_imported_by(file)
        if not {file, imported} <= TYPES_OF_SCHEMA
    }
    assert imports >= OF_TYPES, "each exception is still needed"
    files: dict[str, set[str]] = {}
    for file, imported in imports - OF_TYPES:
        files.setdefault(file, set()).add(imported)
    try:
        TopologicalSorter(files).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
