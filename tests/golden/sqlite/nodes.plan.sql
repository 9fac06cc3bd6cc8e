-- times: 3
-- binds: 1
SELECT CAST(json_object('__typename', json('"Interaction"'), 'id', sid) AS BLOB) FROM interaction WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST(json_object('__typename', json('"Session"'), 'id', sid) AS BLOB) FROM session WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST(json_object('__typename', json('"Service"'), 'id', sid) AS BLOB) FROM service WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST('{"__typename":"Participant"' || ',"id":' || json_quote(sid) || ',"session":' || iif(session_sid > '', '', 'null') AS BLOB), CAST(',"interactions":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(session_sid, ''), nullif(sid, '') FROM participant WHERE sid = ?

-- times: 1
-- binds: 1
SELECT CAST(json_object('uniqueName', unique_name) AS BLOB) FROM session WHERE sid = ?

-- times: 1
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_inbound_participant WHERE inbound_participant_sid = :parent
  UNION ALL SELECT 1 FROM interaction INDEXED BY interaction_by_outbound_participant WHERE outbound_participant_sid = :parent AND inbound_participant_sid IS DISTINCT FROM :parent
  LIMIT :cap
))

-- times: 1
-- binds: limit, parent
SELECT CAST(group_concat(text_0) AS BLOB) FROM (SELECT json_object('sid', sid) AS text_0, date_created, sid FROM interaction INDEXED BY interaction_by_inbound_participant WHERE inbound_participant_sid = :parent
      UNION ALL SELECT json_object('sid', sid) AS text_0, date_created, sid FROM interaction INDEXED BY interaction_by_outbound_participant WHERE outbound_participant_sid = :parent AND inbound_participant_sid IS DISTINCT FROM :parent
      ORDER BY date_created ASC, sid ASC LIMIT :limit)
