"""Merged lists by values: the SQL of lists of the rows in which a column is one of several values (ValuePath).

Each value has a range of its own, by date, if there is an index of that. Else, and where facets are filtered too and
the value is in many rows, it has one range for each facet combination of its rows. The ranges are merged as in
merges.py.
"""

from typing import TypeAlias

from store.engine.sql import text_of
from store.lists.parent_pages import ParentPage
from store.lists.relations import ValueColumn, ValuePath
from store.sqlite.lists.merges import AT_PLACE, AT_START, KIND_IDS, MergedPage

MERGED_PAGE = """
WITH RECURSIVE ranges (value, part, kind) AS (
        {ranges}
      ),
      merged (place, value, part, kind, end_key, end_sid) AS (
        {first}
        UNION ALL
        SELECT ({next}), value, part, kind, end_key, end_sid FROM merged WHERE place <> '{none}'
        ORDER BY 1 {direction} LIMIT :limit * {repeats}
      )
      SELECT {columns} FROM (SELECT place FROM merged GROUP BY place ORDER BY place {direction} LIMIT :limit)
      CROSS JOIN {table} ON sid = substr(place, 25) ORDER BY place {direction}
""".strip()
"""A range is of one value, in one of the path's columns (``part``), and of one combination, or of ANY_KIND."""
FIRST_RANGES = "SELECT value, part, {kind} FROM ({values}) AS chosen CROSS JOIN ({parts}) AS parts"
MORE_RANGES = "UNION ALL\n        SELECT value, part, {kind} FROM ranges WHERE kind > {any_kind}"
"""From one combination of a value's rows to the next, by a step of the index."""
FIRST_BY_DATE = """
SELECT ({place}), value, part, kind, {end}, {end_sid}
        FROM (SELECT *, {start} AS start_key, {start_sid} AS start_sid, {end} AS end_key, {end_sid} AS end_sid
              FROM ranges WHERE +kind = {any_kind})
""".strip()
"""The plus sign keeps SQLite from making an index of the ranges first, which takes longer than to look at each."""
FIRST_BY_KIND = """
SELECT ({place}), value, part, kind, end_key, end_sid
        FROM ranges CROSS JOIN ({kinds}) AS kinds ON kinds.id = ranges.kind
""".strip()
ANY_KIND = 0
"""No combination has this id."""
NEXT_KIND = "(SELECT kind FROM {table} INDEXED BY {index} WHERE {conditions} ORDER BY kind LIMIT 1)"
IS_IN_MANY_ROWS = (
    "(SELECT 1 FROM {table} INDEXED BY {index} WHERE {table}.{column} = chosen.value LIMIT 1 OFFSET {many}) = 1"
)
Place: TypeAlias = tuple[str, str]
"""Where a step begins: AT_START or AT_PLACE."""
MANY_ROWS = 2_000
"""A value in at most so many rows is read by date, and each row's combination looked at: a fifth of a millisecond."""
COUNTED = "SELECT {row} FROM {table} INDEXED BY {index} WHERE {conditions}"


def page_by_values(page: MergedPage, path: ValuePath, columns: str) -> str:
    """The SELECT of ``columns`` of the page."""
    bound = f":{path.attribute}"
    has_dates = all(page.order.column in column.by_date for column in path.columns)
    has_kinds = not has_dates or bool(page.on_facets) or page.is_by_lag
    ranges = [
        FIRST_RANGES.format(
            kind=_by_part([_first_kind(page, path, column, has_dates, has_kinds) for column in path.columns]),
            values=text_of(path.values, page.dialect).format(value=bound),
            parts=" UNION ALL ".join(f"SELECT {number} AS part" for number in range(len(path.columns))),
        )
    ]
    first = []
    if has_dates:
        start, start_sid, end, end_sid = page.bounds()
        place = _by_part([_step_by_date(page, path, column, None, AT_START) for column in path.columns])
        first.append(
            FIRST_BY_DATE.format(
                place=place, start=start, start_sid=start_sid, end=end, end_sid=end_sid, any_kind=ANY_KIND
            )
        )
    if has_kinds:
        next_kind = _by_part([_next_kind(page, path, column, "ranges", "ranges.kind") for column in path.columns])
        ranges.append(MORE_RANGES.format(kind=next_kind, any_kind=ANY_KIND))
        place = _by_part([_step_by_kind(page, path, column, "ranges", AT_START) for column in path.columns])
        first.append(FIRST_BY_KIND.format(place=place, kinds=page.combinations()))
    return MERGED_PAGE.format(
        ranges="\n        ".join(ranges),
        first="\n        UNION ALL\n        ".join(first),
        next=_by_part([_next(page, path, column, has_dates, has_kinds) for column in path.columns]),
        repeats=text_of(path.repeats, page.dialect).format(value=bound),
        columns=columns,
        **page.texts,
    )


def count_by_values(page: ParentPage, path: ValuePath) -> str:
    """The SELECT of one row for each of the page's rows."""
    facets = page.facets
    others = page.conditions(page.active - facets.served - {path.attribute}, None, facets.served)
    values = text_of(path.values, page.dialect).format(value=f":{path.attribute}")
    if page.on_facets:
        others.append(f"kind IN ({KIND_IDS.format(table=facets.table, conditions=' AND '.join(page.on_facets))})")
    return "\n  UNION ALL ".join(
        COUNTED.format(
            row="1" if path.table == page.table else "DISTINCT sid",
            table=path.table,
            index=column.by_kind[page.order.column],
            conditions=" AND ".join(
                filter(None, [f"{column.column} IN ({values})", column.counted.format(values=values), *others])
            ),
        )
        for column in path.columns
    )


def _first_kind(page: MergedPage, path: ValuePath, column: ValueColumn, has_dates: bool, has_kinds: bool) -> str:
    """The combination that the ranges of a value begin with."""
    if not has_kinds:
        return str(ANY_KIND)
    first = _next_kind(page, path, column, "chosen", str(ANY_KIND))
    if not has_dates:
        return first
    index = column.by_date[page.order.column]
    many = IS_IN_MANY_ROWS.format(table=path.table, index=index, column=column.column, many=MANY_ROWS)
    return f"iif({many}, {first}, {ANY_KIND})"


def _next_kind(page: MergedPage, path: ValuePath, column: ValueColumn, source: str, kind: str) -> str:
    conditions = f"{path.table}.{column.column} = {source}.value AND {path.table}.kind > {kind}"
    return NEXT_KIND.format(table=path.table, index=column.by_kind[page.order.column], conditions=conditions)


def _next(page: MergedPage, path: ValuePath, column: ValueColumn, has_dates: bool, has_kinds: bool) -> str:
    by_date = _step_by_date(page, path, column, "merged", AT_PLACE) if has_dates else ""
    by_kind = _step_by_kind(page, path, column, "merged", AT_PLACE) if has_kinds else ""
    return f"iif(kind = {ANY_KIND}, {by_date}, {by_kind})" if by_date and by_kind else by_date or by_kind


def _step_by_date(
    page: MergedPage, path: ValuePath, column: ValueColumn, source: str | None, place: tuple[str, str]
) -> str:
    conditions = [f"{path.table}.{column.column} = {f'{source}.value' if source else 'value'}"]
    if page.on_facets:
        kinds = KIND_IDS.format(table=page.facets.table, conditions=" AND ".join(page.on_facets))
        conditions.append(f"{path.table}.kind IN ({kinds})")
    return page.step(path.table, column.by_date[page.order.column], conditions, place, path.attribute)


def _step_by_kind(page: MergedPage, path: ValuePath, column: ValueColumn, source: str, place: Place) -> str:
    conditions = [f"{path.table}.{column.column} = {source}.value", f"{path.table}.kind = {source}.kind"]
    return page.step(path.table, column.by_kind[page.order.column], conditions, place, path.attribute)


def _by_part(sql: list[str]) -> str:
    """The expression that is each of ``sql`` in its part."""
    whens = " ".join(f"WHEN {number} THEN {each}" for number, each in enumerate(sql))
    return sql[0] if len(sql) == 1 else f"CASE part {whens} END"
