-- times: 2
-- binds: fingerprint, limit, parent
SELECT page_0.column_0_0, page_0.column_0_1, page_0.column_0_2, page_0.column_0_3, page_0.column_0_4, page_0.column_0_5, page_0.column_0_6, page_0.sort_column, page_0.sort_sid FROM (
  SELECT convert_to('{"oldest":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_0, convert_to(',"newest":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_1, convert_to(',"again":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_2, convert_to('}', 'UTF8') AS column_0_3, nullif(sid, '') AS column_0_4, nullif(sid, '') AS column_0_5, nullif(sid, '') AS column_0_6, date_created AS sort_column, sid AS sort_sid FROM service WHERE TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page.* FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (SELECT convert_to(string_agg(page_0.text_0, E'\n'), 'UTF8'), count(*) FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}' AS text_0 FROM interaction WHERE service_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0) AS page

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page_0.column_0_0, page_0.sort_column, page_0.sort_sid FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (
  SELECT convert_to('{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8') AS column_0_0, date_created AS sort_column, sid AS sort_sid FROM interaction WHERE service_sid = parent.value
ORDER BY date_created DESC, sid DESC LIMIT CAST(:limit AS bigint)
) AS page_0

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page.* FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (SELECT convert_to(string_agg(page_0.text_0, E'\n'), 'UTF8'), count(*) FROM (
  SELECT '{"dateCreated":' || coalesce(CAST(to_json(date_created) AS text), 'null') || '}' AS text_0 FROM interaction WHERE service_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0) AS page
