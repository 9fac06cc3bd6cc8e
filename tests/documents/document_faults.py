"""Makes generated documents invalid: by syntax, names, types, fragments, variables or conflicts."""

from document_schema import CompositeType
from document_values import Values


def break_operation(body: list[str], definitions: list[list[str]], root: CompositeType, values: Values) -> None:
    """Makes an operation invalid in a random way."""
    inside: list[list[str]] = [
        ["nowhere"],
        ["__schema"],
        ["__type", "{", "__typename", "}"],
        ["__typename", "{", "__typename", "}"],
        ["__typename", "@nowhere"],
        ["__typename", "@skip"],
        ["__typename", "@skip", "(", "if", ":", '"no"', ")"],
        ["__typename", "@skip", "(", "if", ":", "$nowhere", ")"],
        ["__typename", "(", "nowhere", ":", "1", ")"],
        ["twice", ":", "__typename", "twice", ":", "__schema", "{", "__typename", "}"],
        ["...", "Nowhere"],
        ["...", "on", "Nowhere", "{", "__typename", "}"],
        ["...", "on", "String", "{", "__typename", "}"],
        ["{"],
        ["%"],
        ['"unfinished'],
        ['"\\ud800"'],
    ]
    beside = [
        ["fragment", "Unused", "on", root.name, "{", "__typename", "}"],
        ["fragment", "Cycle", "on", root.name, "{", "...", "Cycle", "}"],
        ["query", "Unused", "(", "$unused", ":", "Int", ")", "{", "__typename", "}"],
        ["type", "Nowhere", "{", "id", ":", "ID", "}"],
        ["}"],
    ]
    if values.pick((True, True, False)):
        body[1:1] = values.pick(inside)
    else:
        definitions.append(values.pick(beside))
