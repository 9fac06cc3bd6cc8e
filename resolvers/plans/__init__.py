"""Compiled plans: an operation, compiled once into statements that write its response, answers at SQLite's speed.

``literals`` cuts a document's arguments out of what its plan is known by, ``inputs`` reads variables and arguments,
``compiler`` turns an operation into ``levels``, which run it. A plan only ever answers with data: where an argument
makes no sense, a cursor does not fit, or a field that can't be null would be, it raises Fallback, and the ordinary
path answers, with whatever errors there are to tell. So both paths give the same bytes.
"""
