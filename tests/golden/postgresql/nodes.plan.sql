-- times: 2
-- binds: sids
SELECT sid, convert_to('{"__typename":"Interaction","id":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8') FROM interaction WHERE sid = ANY(CAST(:sids AS text[]))

-- times: 1
-- binds: sid
SELECT convert_to('{"__typename":"Session","id":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8') FROM session WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"__typename":"Service","id":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}', 'UTF8') FROM service WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"__typename":"Participant","id":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"session":' || CASE WHEN session_sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to(',"interactions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8'), convert_to('}', 'UTF8'), nullif(session_sid, ''), nullif(sid, '') FROM participant WHERE sid = :sid

-- times: 1
-- binds: sid
SELECT convert_to('{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || '}', 'UTF8') FROM session WHERE sid = :sid

-- times: 1
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE inbound_participant_sid = CAST(:parent AS text)
  UNION ALL SELECT 1 FROM interaction WHERE outbound_participant_sid = CAST(:parent AS text) AND inbound_participant_sid IS DISTINCT FROM CAST(:parent AS text)
  LIMIT CAST(:cap AS bigint)
) AS children)

-- times: 1
-- binds: fingerprint, limit, parent
SELECT convert_to((page_0.text_0), 'UTF8') FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}' AS text_0 FROM (
  SELECT * FROM (
  (SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE inbound_participant_sid = CAST(:parent AS text)
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint))
  UNION ALL
  (SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE outbound_participant_sid = CAST(:parent AS text) AND inbound_participant_sid IS DISTINCT FROM CAST(:parent AS text)
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint))
  ) AS ranges
  ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit AS bigint)
) AS found CROSS JOIN LATERAL (SELECT * FROM interaction WHERE interaction.sid = found.listed_sid OFFSET 0) AS interaction
ORDER BY found.listed_key ASC, found.listed_sid ASC
) AS page_0
