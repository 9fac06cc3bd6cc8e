"""Named parameters become numbered ones, and nothing else that has a colon does."""

import pytest

from store.postgresql.parameters import numbered


@pytest.mark.parametrize(
    ("sql", "text", "names"),
    [
        ("SELECT :a, :b, :a", "SELECT $1, $2, $1", ("a", "b")),
        ("SELECT :a::text, '{}'::json", "SELECT $1::text, '{}'::json", ("a",)),
        ("SELECT ':a', ':''b', :c", "SELECT ':a', ':''b', $1", ("c",)),
        ('SELECT ":a" FROM t WHERE x = :b', 'SELECT ":a" FROM t WHERE x = $1', ("b",)),
        ("SELECT :a -- is :b\n, :c", "SELECT $1 -- is :b\n, $2", ("a", "c")),
        ("SELECT /* :a\n:b */ :c", "SELECT /* :a\n:b */ $1", ("c",)),
        ("SELECT $$:a$$, $x$ :b $$ $x$, :c", "SELECT $$:a$$, $x$ :b $$ $x$, $1", ("c",)),
        ("SELECT '{\"a\": 1}'::jsonb ->> :key_2", "SELECT '{\"a\": 1}'::jsonb ->> $1", ("key_2",)),
    ],
)
def test_a_named_parameter_becomes_a_numbered_one(sql: str, text: str, names: tuple[str, ...]) -> None:
    assert numbered(sql) == (text, names)


def test_values_are_bound_in_the_order_of_the_numbers() -> None:
    assert list(numbered("SELECT :b, :a, :b").values({"a": 1, "b": 2})) == [2, 1]
