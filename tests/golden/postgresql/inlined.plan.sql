-- times: 1
-- binds: fingerprint, limit, limit_0, parent, type_0
SELECT convert_to((page_0.text_0 || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '{"nodes":[' END) || coalesce((SELECT string_agg((page_1.text_0), ',') FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"body":' || coalesce(CAST(to_json(body) AS text), 'null') || '}' AS text_0 FROM interaction WHERE session_sid = page_0.key_0 AND (type IN (SELECT value FROM json_array_elements_text(CAST(:type_0 AS json)) AS element (value))) IS TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit_0 AS bigint)
) AS page_1), '') || (CASE WHEN page_0.key_0 IS NULL THEN '' ELSE ']}' END || page_0.text_1), 'UTF8') FROM (
  SELECT date_created || '.' || sid || '","node":{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',"interactions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END AS text_0, '}}' AS text_1, nullif(sid, '') AS key_0 FROM session WHERE TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0
