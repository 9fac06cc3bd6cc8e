-- times: 2
-- binds: fingerprint, limit, parent
SELECT page_0.column_0_0, page_0.column_0_1, page_0.column_0_2, page_0.column_0_3, page_0.column_0_4, page_0.sort_column, page_0.sort_sid FROM (
  SELECT convert_to(CASE WHEN plain THEN '{"sid":"' || sid || '","session":' ELSE '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"session":' || CASE WHEN session_sid > '' THEN '' ELSE 'null' END END, 'UTF8') AS column_0_0, convert_to(CASE WHEN plain THEN ',"service":' ELSE ',"service":' || CASE WHEN service_sid > '' THEN '' ELSE 'null' END END, 'UTF8') AS column_0_1, convert_to('}', 'UTF8') AS column_0_2, nullif(session_sid, '') AS column_0_3, nullif(service_sid, '') AS column_0_4, date_created AS sort_column, sid AS sort_sid FROM interaction WHERE TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0

-- times: 1
-- binds: sids
SELECT sid, convert_to((page_0.text_0 || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '' END) || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE coalesce((SELECT (page_1.text_0) FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}' AS text_0 FROM service WHERE sid = page_0.key_0
) AS page_1), chr(1)) END || (CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '' END || page_0.text_1), 'UTF8') FROM (
  SELECT sid, '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"service":' || CASE WHEN service_sid > '' THEN '' ELSE 'null' END AS text_0, '}' AS text_1, nullif(service_sid, '') AS key_0 FROM session WHERE sid = ANY(CAST(:sids AS text[]))
) AS page_0

-- times: 1
-- binds: sids
SELECT sid, convert_to('{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || '}', 'UTF8') FROM service WHERE sid = ANY(CAST(:sids AS text[]))
