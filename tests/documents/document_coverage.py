"""Measures which parts of a schema, and which forms of the language, generated documents use."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit

from document_schema import InputType, SchemaIndex
from documents import Document


def queryable_coordinates(schema: GraphQLSchema) -> Iterator[str]:
    """The coordinates that a query can use: fields, arguments, input fields, enum values and directives."""
    index = SchemaIndex(schema)
    reached, to_visit = {index.root.name}, [index.root.name]
    while to_visit:
        type_ = index.types[to_visit.pop()]
        for field in [*type_.leaf_fields, *type_.composite_fields]:
            yield field.coordinate
            for argument in field.arguments:
                yield f"{field.coordinate}({argument.name}:)"
                yield from _input_coordinates(argument.type, ())
        below = {*(field.of for field in type_.composite_fields), *type_.conditions} - reached
        reached |= below
        to_visit += below
    yield from ("@skip(if:)", "@include(if:)", f"{index.root.name}.__schema", f"{index.root.name}.__type")


def _input_coordinates(type_: InputType, above: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{type_.name}.{word}" for word in type_.enum_values)
    if type_.item:
        yield from _input_coordinates(type_.item, above)
    elif type_.name not in above:
        for argument in type_.fields:
            yield f"{type_.name}.{argument.name}"
            yield from _input_coordinates(argument.type, (*above, type_.name))


class Coverage(Visitor):
    """Counts the coordinates and the forms of the language that documents use."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.coordinates: Counter[str] = Counter()
        self.forms: Counter[str] = Counter()
        self._info = TypeInfo(schema)
        self._field = ""

    def add(self, document: Document) -> None:
        """Counts those of a valid ``document``."""
        parsed: Any = parse(document.text)
        operations = [one for one in parsed.definitions if one.kind == "operation_definition"]
        names = [one.name.value for one in operations if one.name]
        declared = {variable.variable.name.value for one in operations for variable in one.variable_definitions or ()}
        forms = {
            "anonymous operation": not names,
            "operation named": document.operation_name in names,
            "operation not there": document.operation_name not in (None, *names),
            "several operations": len(operations) > 1,
            "variable left out": not declared <= document.variables.keys(),
            "null for a variable": None in document.variables.values(),
            "comment": "# a remark" in document.text,
            "unicode escape": "\\u{" in document.text,
        }
        self.forms.update(form for form, holds in forms.items() if holds)
        visit(parsed, TypeInfoVisitor(self._info, self))

    def enter_field(self, node: Any, *_: Any) -> None:
        self._field = f"{self._info.get_parent_type()}.{node.name.value}"
        self.coordinates[self._field] += 1
        self.forms["alias"] += node.alias is not None

    def enter_argument(self, node: Any, *_: Any) -> None:
        directive = self._info.get_directive()
        of = f"@{directive.name}" if directive else self._field
        self.coordinates[f"{of}({node.name.value}:)"] += 1
        type_ = str(self._info.get_input_type())
        self.forms["single value for a list"] += "[" in type_ and node.value.kind in ("string_value", "enum_value")

    def enter_object_field(self, node: Any, *_: Any) -> None:
        type_ = self._info.get_parent_input_type()
        assert type_ is not None
        self.coordinates[f"{get_named_type(type_).name}.{node.name.value}"] += 1

    def enter_enum_value(self, node: Any, *_: Any) -> None:
        type_ = self._info.get_input_type()
        assert type_ is not None
        self.coordinates[f"{get_named_type(type_).name}.{node.value}"] += 1

    def enter_null_value(self, *_: Any) -> None:
        self.forms["null"] += 1

    def enter_string_value(self, node: Any, *_: Any) -> None:
        self.forms["block string"] += bool(node.block)

    def enter_list_value(self, node: Any, *_: Any) -> None:
        self.forms["list"] += 1
        self.forms["empty list"] += not node.values
        self.forms["variable in a list"] += any(value.kind == "variable" for value in node.values)

    def enter_object_value(self, node: Any, *_: Any) -> None:
        self.forms["object"] += 1
        self.forms["variable in an object"] += any(field.value.kind == "variable" for field in node.fields)

    def enter_variable_definition(self, node: Any, *_: Any) -> None:
        self.forms["variable with a default"] += node.default_value is not None
        self.forms["variable that can't be null"] += node.type.kind == "non_null_type"

    def enter_inline_fragment(self, node: Any, *_: Any) -> None:
        condition = node.type_condition.name.value if node.type_condition else "nothing"
        self.forms[f"inline fragment on {condition}"] += 1
        self.forms["directive on a fragment"] += bool(node.directives)

    def enter_fragment_definition(self, node: Any, *_: Any) -> None:
        self.forms[f"fragment on {node.type_condition.name.value}"] += 1

    def enter_selection_set(self, node: Any, *_: Any) -> None:
        selections = node.selections
        spreads = [one.name.value for one in selections if one.kind == "fragment_spread"]
        keys = [(one.alias or one.name).value for one in selections if one.kind == "field" and one.selection_set]
        self.forms["fragment spread twice"] += len(spreads) > len(set(spreads))
        self.forms["selections merged"] += len(keys) > len(set(keys))
