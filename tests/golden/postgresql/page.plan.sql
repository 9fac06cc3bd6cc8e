-- times: 2
-- binds: sid
SELECT convert_to('{"interactions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to('}', 'UTF8'), nullif(sid, '') FROM session WHERE sid = :sid

-- times: 1
-- binds: fingerprint, limit, parent
SELECT page_0.column_0_0, page_0.column_1_0, page_0.sort_column, page_0.sort_sid FROM (
  SELECT convert_to(date_created || '.' || sid || '","node":{"id":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}}', 'UTF8') AS column_0_0, convert_to('{"id":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8') AS column_1_0, date_created AS sort_column, sid AS sort_sid FROM interaction WHERE session_sid = CAST(:parent AS text)
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0
