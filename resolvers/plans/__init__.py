"""Compiled plans: an operation is compiled once, into steps whose SQL statements write the response's JSON.

``literals`` replaces a document's literals by slots: documents that differ only in them share a plan. ``inputs``
reads variables and arguments. ``compiler`` turns an operation into root steps and child steps, which run it. A plan
only answers with data: if an argument is invalid, a cursor doesn't fit, or a non-null field would be null, it raises
Fallback, and the ordinary path answers with the errors. So both paths give the same bytes.
"""
