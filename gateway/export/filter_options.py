"""The options that filter and sort an export: they have the names of the fields of the API's filter inputs.

They are made from the schema's inputs, so that each new filter of the API is an option here too. ``serviceSid`` is
``--service-sid``; an input in a filter, such as the period ``dateCreated``, has an option for each of its fields.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
)

from gateway.export.resources import Resource, resources
from resolvers.errors import BadInput
from store.lists.filters import Filter
from store.lists.orders import BY_DATE_CREATED, Order

ORDER_BY = "--order-by"
BOOLEANS = {"true": True, "false": False}

Given = Mapping[str, Sequence[str]]
"""The values given for each option."""


class FilterOption(NamedTuple):
    """An option for a field of a filter input, or of an input in it. ``path`` has the fields' Python names."""

    spelling: str
    description: str
    path: tuple[str, ...]
    kind: GraphQLNamedType
    takes_several: bool


class InvalidOptions(Exception):
    """Some options are invalid; ``problems`` has a sentence for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@cache
def options_of(resource: Resource) -> Sequence[FilterOption]:
    """The options of a list."""
    return tuple(_options(resource.filter_type, "--", ())) if resource.filter_type else ()


def selection_of(resource: Resource, given: Given) -> tuple[Filter | None, Order]:
    """The store's filter (None without conditions) and order for these options. Raises InvalidOptions."""
    problems: list[str] = []
    selection = _filter_of(resource, given, problems), _order_of(resource, given, problems)
    if problems:
        raise InvalidOptions(problems)
    return selection


def _filter_of(resource: Resource, given: Given, problems: list[str]) -> Filter | None:
    options = {option.spelling: option for option in options_of(resource)}
    values: dict[tuple[str, ...], Any] = {}
    for spelling, texts in given.items():
        if spelling == ORDER_BY or not texts:
            continue
        if spelling not in options:
            has = f"they have {', '.join(options)}" if options else "they have none"
            problems.append(f"{spelling}: {resource.name} have no such filter; {has}.")
            continue
        try:
            values[options[spelling].path] = _value(options[spelling], texts)
            _filter(resource, {options[spelling].path: values[options[spelling].path]})
        except (ValueError, BadInput) as error:
            message = str(error)
            problems.append(f"{spelling}: {message[0].lower()}{message[1:]}")
    return _filter(resource, values) if values and not problems else None


def _order_of(resource: Resource, given: Given, problems: list[str]) -> Order:
    texts = given.get(ORDER_BY)
    if texts and (resource.order_type is None or resource.spec.order is None):
        problems.append(f"{ORDER_BY}: {resource.name} can only be ordered by dateCreated.")
    elif texts and resource.order_type and resource.spec.order:
        try:
            return resource.spec.order(_one(resource.order_type, texts))
        except ValueError as error:
            problems.append(f"{ORDER_BY}: {error}")
    return BY_DATE_CREATED


def orders() -> Sequence[str]:
    """The names of all lists' orders."""
    types = [resource.order_type for resource in resources().values()]
    return list(dict.fromkeys(name for kind in types if kind for name in kind.values))


@cache
def all_options() -> Mapping[str, tuple[FilterOption, tuple[str, ...]]]:
    """The options of all lists by their spelling, each with the names of the lists that have it."""
    found: dict[str, tuple[FilterOption, tuple[str, ...]]] = {}
    for resource in reversed(list(resources().values())):  # The largest list comes last in the schema.
        for option in options_of(resource):
            first, names = found.get(option.spelling, (option, ()))
            found[option.spelling] = (first, (*names, resource.name))
    return found


def _options(kind: GraphQLInputObjectType, before: str, path: tuple[str, ...]) -> Iterator[FilterOption]:
    for name, each in kind.fields.items():
        spelling = before + "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
        inner, own_path = get_named_type(each.type), (*path, _python_name(each))
        if isinstance(inner, GraphQLInputObjectType):
            for option in _options(inner, f"{spelling}-", own_path):
                yield option._replace(description=f"{each.description} {option.description}")
        else:
            several = isinstance(get_nullable_type(each.type), GraphQLList)
            yield FilterOption(spelling, each.description or "", own_path, inner, several)


def _filter(resource: Resource, values: Mapping[tuple[str, ...], Any]) -> Filter | None:
    if resource.filter_type is None or resource.spec.filter is None:
        return None
    return resource.spec.filter(_input(resource.filter_type, values))


def _input(kind: GraphQLInputObjectType, values: Mapping[tuple[str, ...], Any]) -> Any:
    """The input object that a resolver would get."""
    given: dict[str, Any] = {}
    for each in kind.fields.values():
        name, inner = _python_name(each), get_named_type(each.type)
        own = {path[1:]: value for path, value in values.items() if path[0] == name}
        if own:
            given[name] = _input(inner, own) if isinstance(inner, GraphQLInputObjectType) else own[()]
    return kind.extensions["strawberry-definition"].origin(**given)


def _value(option: FilterOption, texts: Sequence[str]) -> Any:
    if option.takes_several:
        return [_parsed(option.kind, text) for text in texts]
    return _one(option.kind, texts)


def _one(kind: GraphQLNamedType, texts: Sequence[str]) -> Any:
    if len(texts) > 1:
        raise ValueError(f"expected it once, but got it {len(texts)} times.")
    return _parsed(kind, texts[0])


def _parsed(kind: GraphQLNamedType, text: str) -> Any:
    if isinstance(kind, GraphQLEnumType):
        name = text.upper().replace("-", "_")  # Twilio's own values, such as no-answer, are accepted too.
        if name not in kind.values:
            raise ValueError(f"expected one of {', '.join(kind.values)}, but got {text!r}.")
        return kind.values[name].value
    if kind.name == "Boolean":
        if text not in BOOLEANS:
            raise ValueError(f"expected {' or '.join(BOOLEANS)}, but got {text!r}.")
        return BOOLEANS[text]
    if not isinstance(kind, GraphQLScalarType):
        raise TypeError(f"Expected a scalar in a filter's input, but got {kind.name}.")
    return kind.coerce_input_value(text)


def _python_name(each: GraphQLInputField) -> str:
    name: str = each.extensions["strawberry-definition"].python_name
    return name
