-- times: 1
-- binds: 1
SELECT CAST('{"interactions":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, '') FROM session WHERE sid = ?

-- times: 1
-- binds: limit, of, parent
SELECT CAST(date_created || '.' || sid || '","node":' || json_object('id', sid) || '}' AS BLOB), CAST(json_object('id', sid) AS BLOB), date_created, sid FROM interaction INDEXED BY interaction_by_session WHERE session_sid = :parent
      ORDER BY date_created ASC, sid ASC LIMIT :limit
