"""Released parts of the schema stay: it is compared with that of the last release, tests/data/released.graphql.

A change that breaks clients is announced first: the field or value gets a deprecation_reason that names what to use
instead, and stays for a release. To break on purpose, put the sentence that the test gives into CHANGELOG.md, under
Unreleased, after **Breaking:**. A release changes the version in gateway/__init__.py, puts a heading with it and the
date under Unreleased, such as ``## 0.1.0 (2026-11-28)``, and writes the schema anew:
``python -m gateway schema > tests/data/released.graphql``.
"""

import re
from collections.abc import Iterator

import pytest
from graphql import GraphQLSchema, build_schema, find_breaking_changes

from checkout import TESTS
from schema.build import EXECUTABLE, SDL_FILE, printed

RELEASED = build_schema((TESTS / "data" / "released.graphql").read_text("utf-8"))
CHANGELOG = (TESTS.parent / "CHANGELOG.md").read_text("utf-8")


def unannounced(new: GraphQLSchema, changelog: str) -> list[str]:
    """The breaking changes from the released schema that the changelog doesn't announce under Unreleased."""
    unreleased = " ".join(changelog.split("## Unreleased")[1].split("\n## ")[0].split())
    changes = [change.description for change in find_breaking_changes(RELEASED, new)]
    return [change for change in changes if f"**Breaking:** {change}" not in unreleased]


def test_nothing_released_breaks_without_announcement() -> None:
    assert unannounced(build_schema(SDL_FILE.read_text("utf-8")), CHANGELOG) == []


@pytest.mark.parametrize(
    ("before", "after", "change"),
    [
        ("  totalCount: Int!", "  total: Int!", "Field ServiceConnection.totalCount was removed."),
        ("  data: String", "  data: Int", "Field Interaction.data changed type from String to Int."),
        (
            "  clientMutationId: String",
            "  clientMutationId: String!",
            "Field DeleteInteractionInput.clientMutationId changed type from String to String!.",
        ),
    ],
)
def test_a_change_that_breaks_clients_is_found_unless_it_is_announced(before: str, after: str, change: str) -> None:
    assert before in printed()
    changed = build_schema(printed().replace(before, after))
    assert change in unannounced(changed, "## Unreleased\n")
    announced = f"## Unreleased\n\n- **Breaking:** {change}\n"
    assert change not in unannounced(changed, announced)
    assert change in unannounced(changed, f"## Unreleased\n\n## 0.1\n{announced.splitlines()[-1]}\n")


def reasons(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    for name, type_ in schema.type_map.items():
        fields = getattr(type_, "fields", {}) | getattr(type_, "values", {})
        for field_name, field in fields.items():
            yield f"{name}.{field_name}", field.deprecation_reason
            for argument_name, argument in getattr(field, "args", {}).items():
                yield f"{name}.{field_name}({argument_name}:)", argument.deprecation_reason


def test_a_deprecation_says_in_a_sentence_what_to_use_instead() -> None:
    sentence = re.compile(r"[A-Z].*\.")
    deprecated = {place: reason for place, reason in reasons(EXECUTABLE) if reason is not None}
    assert [place for place, reason in deprecated.items() if not sentence.fullmatch(reason)] == []
