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
-- binds: cap_1, limit_1, sid
SELECT convert_to((page_0.text_0 || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '' END) || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE coalesce((SELECT (page_1.text_0) FROM (
  SELECT '{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || '}' AS text_0 FROM session WHERE sid = page_0.key_0
) AS page_1), chr(1)) END || (CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '' END || page_0.text_1 || CASE WHEN page_0.key_1 IS NULL THEN '' ELSE '{"totalCount":' || least((SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE inbound_participant_sid = page_0.key_1
  UNION ALL SELECT 1 FROM interaction WHERE outbound_participant_sid = page_0.key_1 AND inbound_participant_sid IS DISTINCT FROM page_0.key_1
  LIMIT CAST(:cap_1 AS bigint)
) AS children), CAST(:cap_1 AS bigint) - 1) || ',"nodes":[' END) || coalesce((SELECT string_agg((page_1.text_0), ',') FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}' AS text_0 FROM (
  SELECT * FROM (
  (SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE inbound_participant_sid = page_0.key_1
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit_1 AS bigint))
  UNION ALL
  (SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE outbound_participant_sid = page_0.key_1 AND inbound_participant_sid IS DISTINCT FROM page_0.key_1
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit_1 AS bigint))
  ) AS ranges
  ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit_1 AS bigint)
) AS found CROSS JOIN LATERAL (SELECT * FROM interaction WHERE interaction.sid = found.listed_sid OFFSET 0) AS interaction
ORDER BY found.listed_key ASC, found.listed_sid ASC
) AS page_1), '') || (CASE WHEN page_0.key_1 IS NULL THEN '' ELSE ']}' END || page_0.text_2), 'UTF8') FROM (SELECT '{"__typename":"Participant","id":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"session":' || CASE WHEN session_sid > '' THEN '' ELSE 'null' END AS text_0, ',"interactions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END AS text_1, '}' AS text_2, nullif(session_sid, '') AS key_0, nullif(sid, '') AS key_1 FROM participant WHERE sid = :sid) AS page_0
