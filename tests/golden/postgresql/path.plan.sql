-- times: 2
-- binds: sid
SELECT convert_to('{"session":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to(',"notItsOwn":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to('}', 'UTF8'), nullif(sid, ''), nullif(sid, '') FROM service WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"right":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to(',"elsewhere":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to(',"participant":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to('}', 'UTF8'), nullif(sid, ''), nullif(sid, ''), nullif(sid, ''), service_sid FROM session WHERE sid = :sid

-- times: 2
-- binds: sid
SELECT convert_to('{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8'), session_sid FROM interaction WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"friendlyName":' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || '}', 'UTF8'), session_sid FROM participant WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8'), service_sid FROM session WHERE sid = :sid
