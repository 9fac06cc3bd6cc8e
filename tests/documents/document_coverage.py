"""What a schema lets queries say, and what of it documents did say, and in which forms."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from graphql import GraphQLSchema, TypeInfo, TypeInfoVisitor, Visitor, get_named_type, parse, visit

from document_schema import Input, Walk
from documents import Document


def sayable(schema: GraphQLSchema) -> Iterator[str]:
    """Whatever of ``schema`` a query can name: fields, arguments, input fields, enum values, directives."""
    walk = Walk(schema)
    reached, waiting = {walk.root.name}, [walk.root.name]
    while waiting:
        kind = walk.kinds[waiting.pop()]
        for field in [*kind.leaves, *kind.branches]:
            yield field.coordinate
            for slot in field.arguments:
                yield f"{field.coordinate}({slot.name}:)"
                yield from _sayable_input(slot.input, ())
        below = {*(field.of for field in kind.branches), *kind.conditions} - reached
        reached |= below
        waiting += below
    yield from ("@skip(if:)", "@include(if:)", f"{walk.root.name}.__schema", f"{walk.root.name}.__type")


def _sayable_input(kind: Input, above: tuple[str, ...]) -> Iterator[str]:
    yield from (f"{kind.name}.{word}" for word in kind.words)
    if kind.item:
        yield from _sayable_input(kind.item, above)
    elif kind.name not in above:
        for slot in kind.fields:
            yield f"{kind.name}.{slot.name}"
            yield from _sayable_input(slot.input, (*above, kind.name))


class Said(Visitor):
    """Counts the coordinates that documents name, and the forms that they come in."""

    def __init__(self, schema: GraphQLSchema) -> None:
        super().__init__()
        self.coordinates: Counter[str] = Counter()
        self.forms: Counter[str] = Counter()
        self._info = TypeInfo(schema)
        self._field = ""

    def add(self, document: Document) -> None:
        """Counts what a valid ``document`` says."""
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
        kind = str(self._info.get_input_type())
        self.forms["single value for a list"] += "[" in kind and node.value.kind in ("string_value", "enum_value")

    def enter_object_field(self, node: Any, *_: Any) -> None:
        kind = self._info.get_parent_input_type()
        assert kind is not None
        self.coordinates[f"{get_named_type(kind).name}.{node.name.value}"] += 1

    def enter_enum_value(self, node: Any, *_: Any) -> None:
        kind = self._info.get_input_type()
        assert kind is not None
        self.coordinates[f"{get_named_type(kind).name}.{node.value}"] += 1

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
