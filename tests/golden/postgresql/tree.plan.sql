-- times: 2
-- binds: cap, fingerprint, limit, parent
SELECT counted.number, page_0.column_0_0, page_0.column_0_1, page_0.column_0_2, page_0.sort_column, page_0.sort_sid FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM service WHERE TRUE
  LIMIT CAST(:cap AS bigint)
) AS children) AS number) AS counted LEFT JOIN LATERAL (
  SELECT convert_to('{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',"sessions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_0, convert_to('}', 'UTF8') AS column_0_1, nullif(sid, '') AS column_0_2, date_created AS sort_column, sid AS sort_sid FROM service WHERE TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0 ON TRUE

-- times: 1
-- binds: cap, fingerprints, parents
SELECT parent.number, (SELECT count(*) FROM (
  SELECT 1 FROM session WHERE service_sid = parent.value
  LIMIT CAST(:cap AS bigint)
) AS children) FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number)

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page_0.column_0_0, page_0.column_0_1, page_0.column_0_2, page_0.column_0_3, page_0.column_0_4, page_0.sort_column, page_0.sort_sid FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (
  SELECT convert_to('{"uniqueName":' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',"status":' || CASE WHEN status IS NULL THEN 'null' ELSE '"' || coalesce(CAST('{"open": "OPEN", "in-progress": "IN_PROGRESS", "closed": "CLOSED", "failed": "FAILED", "unknown": "UNKNOWN"}' AS jsonb) ->> status, 'UNKNOWN') || '"' END || ',"participants":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_0, convert_to(',"interactions":' || CASE WHEN sid > '' THEN '' ELSE 'null' END, 'UTF8') AS column_0_1, convert_to('}', 'UTF8') AS column_0_2, nullif(sid, '') AS column_0_3, nullif(sid, '') AS column_0_4, date_created AS sort_column, sid AS sort_sid FROM session WHERE service_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page.* FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (SELECT convert_to(string_agg(page_0.text_0, E'\n'), 'UTF8'), count(*) FROM (
  SELECT '{"friendlyName":' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || ',"dateDeleted":' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || '}' AS text_0 FROM participant WHERE session_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0) AS page

-- times: 1
-- binds: cap, fingerprints, parents
SELECT parent.number, (SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE session_sid = parent.value
  LIMIT CAST(:cap AS bigint)
) AS children) FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number)

-- times: 1
-- binds: fingerprints, limit, parents
SELECT parent.number, page_0.column_0_0, page_0.column_0_1, page_0.column_0_2, page_0.column_0_3, page_0.column_0_4, page_0.sort_column, page_0.sort_sid FROM unnest(CAST(:parents AS text[]), CAST(:fingerprints AS text[])) WITH ORDINALITY
  AS parent (value, fingerprint, number) CROSS JOIN LATERAL (
  SELECT convert_to(CASE WHEN plain THEN '{"sid":"' || sid || '","type":"' || coalesce(CAST('{"message": "MESSAGE", "voice": "VOICE", "unknown": "UNKNOWN"}' AS jsonb) ->> type, 'UNKNOWN') || '","body":' || coalesce(CAST(to_json(body) AS text), 'null') || ',"durationSeconds":' || coalesce(CAST(to_json(duration_seconds) AS text), 'null') || ',"inbound":{"participant":' ELSE '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"type":' || CASE WHEN type IS NULL THEN 'null' ELSE '"' || coalesce(CAST('{"message": "MESSAGE", "voice": "VOICE", "unknown": "UNKNOWN"}' AS jsonb) ->> type, 'UNKNOWN') || '"' END || ',"body":' || coalesce(CAST(to_json(body) AS text), 'null') || ',"durationSeconds":' || coalesce(CAST(to_json(duration_seconds) AS text), 'null') || ',"inbound":' || CASE WHEN inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > '' THEN '{"participant":' || CASE WHEN inbound_participant_sid > '' THEN '' ELSE 'null' END ELSE 'null' END END, 'UTF8') AS column_0_0, convert_to(CASE WHEN plain THEN ',"resourceSid":"' || inbound_resource_sid || '","resourceStatus":"' || coalesce(CAST('{"completed": "COMPLETED", "delivered": "DELIVERED", "received": "RECEIVED", "sent": "SENT", "accepted": "ACCEPTED", "answered": "ANSWERED", "busy": "BUSY", "canceled": "CANCELED", "deleted": "DELETED", "delivery-unknown": "DELIVERY_UNKNOWN", "failed": "FAILED", "in-progress": "IN_PROGRESS", "initiated": "INITIATED", "no-answer": "NO_ANSWER", "queued": "QUEUED", "receiving": "RECEIVING", "ringing": "RINGING", "scheduled": "SCHEDULED", "sending": "SENDING", "undelivered": "UNDELIVERED", "unknown": "UNKNOWN"}' AS jsonb) ->> inbound_resource_status, 'UNKNOWN') || '","resourceType":"' || coalesce(CAST('{"message": "MESSAGE", "call": "CALL", "unknown": "UNKNOWN"}' AS jsonb) ->> inbound_resource_type, 'UNKNOWN') || '"},"outbound":{"participant":' ELSE CASE WHEN inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > '' THEN ',"resourceSid":' || coalesce(CAST(to_json(inbound_resource_sid) AS text), 'null') || ',"resourceStatus":' || CASE WHEN inbound_resource_status IS NULL THEN 'null' ELSE '"' || coalesce(CAST('{"completed": "COMPLETED", "delivered": "DELIVERED", "received": "RECEIVED", "sent": "SENT", "accepted": "ACCEPTED", "answered": "ANSWERED", "busy": "BUSY", "canceled": "CANCELED", "deleted": "DELETED", "delivery-unknown": "DELIVERY_UNKNOWN", "failed": "FAILED", "in-progress": "IN_PROGRESS", "initiated": "INITIATED", "no-answer": "NO_ANSWER", "queued": "QUEUED", "receiving": "RECEIVING", "ringing": "RINGING", "scheduled": "SCHEDULED", "sending": "SENDING", "undelivered": "UNDELIVERED", "unknown": "UNKNOWN"}' AS jsonb) ->> inbound_resource_status, 'UNKNOWN') || '"' END || ',"resourceType":' || CASE WHEN inbound_resource_type IS NULL THEN 'null' ELSE '"' || coalesce(CAST('{"message": "MESSAGE", "call": "CALL", "unknown": "UNKNOWN"}' AS jsonb) ->> inbound_resource_type, 'UNKNOWN') || '"' END || '}' ELSE '' END || ',"outbound":' || CASE WHEN outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > '' THEN '{"participant":' || CASE WHEN outbound_participant_sid > '' THEN '' ELSE 'null' END ELSE 'null' END END, 'UTF8') AS column_0_1, convert_to(CASE WHEN plain THEN ',"resourceStatus":"' || coalesce(CAST('{"completed": "COMPLETED", "delivered": "DELIVERED", "received": "RECEIVED", "sent": "SENT", "accepted": "ACCEPTED", "answered": "ANSWERED", "busy": "BUSY", "canceled": "CANCELED", "deleted": "DELETED", "delivery-unknown": "DELIVERY_UNKNOWN", "failed": "FAILED", "in-progress": "IN_PROGRESS", "initiated": "INITIATED", "no-answer": "NO_ANSWER", "queued": "QUEUED", "receiving": "RECEIVING", "ringing": "RINGING", "scheduled": "SCHEDULED", "sending": "SENDING", "undelivered": "UNDELIVERED", "unknown": "UNKNOWN"}' AS jsonb) ->> outbound_resource_status, 'UNKNOWN') || '"}}' ELSE CASE WHEN outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > '' THEN ',"resourceStatus":' || CASE WHEN outbound_resource_status IS NULL THEN 'null' ELSE '"' || coalesce(CAST('{"completed": "COMPLETED", "delivered": "DELIVERED", "received": "RECEIVED", "sent": "SENT", "accepted": "ACCEPTED", "answered": "ANSWERED", "busy": "BUSY", "canceled": "CANCELED", "deleted": "DELETED", "delivery-unknown": "DELIVERY_UNKNOWN", "failed": "FAILED", "in-progress": "IN_PROGRESS", "initiated": "INITIATED", "no-answer": "NO_ANSWER", "queued": "QUEUED", "receiving": "RECEIVING", "ringing": "RINGING", "scheduled": "SCHEDULED", "sending": "SENDING", "undelivered": "UNDELIVERED", "unknown": "UNKNOWN"}' AS jsonb) ->> outbound_resource_status, 'UNKNOWN') || '"' END || '}' ELSE '' END || '}' END, 'UTF8') AS column_0_2, nullif(inbound_participant_sid, '') AS column_0_3, nullif(outbound_participant_sid, '') AS column_0_4, date_created AS sort_column, sid AS sort_sid FROM interaction WHERE session_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
) AS page_0

-- times: 2
-- binds: sids
SELECT sid, convert_to('{"friendlyName":' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || '}', 'UTF8') FROM participant WHERE sid = ANY(CAST(:sids AS text[]))
