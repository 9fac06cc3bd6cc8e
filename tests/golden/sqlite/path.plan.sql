-- times: 1
-- binds: 1
SELECT CAST('{"session":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"notItsOwn":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), nullif(sid, '') FROM service WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST('{"right":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"elsewhere":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"participant":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), nullif(sid, ''), nullif(sid, ''), service_sid FROM session WHERE sid = ?

-- times: 2
-- binds: 1
SELECT CAST(json_object('sid', sid) AS BLOB), session_sid FROM interaction WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST(json_object('friendlyName', friendly_name) AS BLOB), session_sid FROM participant WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST(json_object('sid', sid) AS BLOB), service_sid FROM session WHERE sid = ?
