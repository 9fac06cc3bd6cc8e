"""A relation: the rows that a connection lists, and how they belong to their parent."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from store.columns import Record

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, eq=False)
class Relation(Generic[R]):
    """The children of one kind that a parent has, in the order (date_created, sid).

    ``name`` is the field that lists them; ``scopes`` are SQL conditions over ``parent.value`` that exclude
    one another: a row belongs to the parent where one of them holds, each served by an index of its own.
    """

    name: str
    record: type[R]
    scopes: tuple[str, ...]
