"""Names: a class name stands for one thing."""

import ast
from collections import defaultdict

from checkout import ROOMS, ROOT, TRACKED

STANDARD = {
    "Connection": "Relay's in resolvers, HTTP's in gateway/transport",
}
"""Standard terms of two fields."""


def files_by_class() -> dict[str, set[str]]:
    """The files that define each class. Both engines count as one file, since they have classes of the same names.

    Not those of ``schema``: a GraphQL type has the name of the record that it shows.
    """
    files: dict[str, set[str]] = defaultdict(set)
    for file in TRACKED:
        if file.suffix == ".py" and file.parts[0] in set(ROOMS) - {"schema"}:
            of_engine = file.parts[:2] in (("store", "sqlite"), ("store", "postgresql"))
            for node in ast.parse((ROOT / file).read_text("utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    files[node.name].add("engine" if of_engine else file.as_posix())
    return files


def test_no_two_classes_have_the_same_name() -> None:
    files = files_by_class()
    assert len(files) > 100, "the classes are found"
    assert not {name: sorted(found) for name, found in files.items() if len(found) > 1 and name not in STANDARD}
