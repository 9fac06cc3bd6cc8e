-- times: 1
-- binds: limit, parent
SELECT CAST('{"sid":' || json_quote(sid) || ',"session":' || iif(session_sid > '', '', 'null') AS BLOB), CAST(',"service":' || iif(service_sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(session_sid, ''), nullif(service_sid, ''), date_created, sid FROM interaction INDEXED BY interaction_by_date WHERE TRUE
      ORDER BY date_created ASC, sid ASC LIMIT :limit

-- times: 3
-- binds: 1
SELECT CAST('{"sid":' || json_quote(sid) || ',"service":' || iif(service_sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(service_sid, '') FROM session WHERE sid = ?

-- times: 2
-- binds: 1
SELECT CAST(json_object('sid', sid) AS BLOB) FROM service WHERE sid = ?

-- times: 2
-- binds: 1
SELECT CAST(json_object('uniqueName', unique_name) AS BLOB) FROM service WHERE sid = ?
