"""No import cycles between files. Imports of types count too, which the contracts of pyproject.toml leave out."""

from graphlib import CycleError, TopologicalSorter

import grimp

from checkout import ROOMS

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
    assert len(imports) > 1_000, "the imports are found"
    files: dict[str, set[str]] = {}
    for file, imported in imports:
        files.setdefault(file, set()).add(imported)
    try:
        TopologicalSorter(files).prepare()
    except CycleError as error:
        raise AssertionError(" imports ".join(reversed(error.args[1]))) from None
