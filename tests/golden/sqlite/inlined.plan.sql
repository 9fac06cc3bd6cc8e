-- times: 1
-- binds: between, lead, limit, limit_0, of, parent, type_0
SELECT CAST(:lead || group_concat(written, :between) AS BLOB), group_concat(length(CAST(written AS BLOB))) FROM (SELECT text_0 || iif(key_0 IS NULL, '', '{"nodes":[' || coalesce((SELECT group_concat(text_0) FROM (SELECT json_object('sid', sid, 'body', body) AS text_0 FROM interaction INDEXED BY interaction_by_session WHERE session_sid = key_0 AND type IN (SELECT value FROM json_each(:type_0))
      ORDER BY date_created ASC, sid ASC LIMIT :limit_0)), '') || ']}') || text_1 AS written FROM (SELECT date_created || '.' || sid || '","node":' || '{"uniqueName":' || json_quote(unique_name) || ',"interactions":' || iif(sid > '', '', 'null') AS text_0, '}' || '}' AS text_1, nullif(sid, '') AS key_0 FROM session INDEXED BY session_by_date WHERE TRUE
      ORDER BY date_created ASC, sid ASC LIMIT :limit) LIMIT -1)
