-- times: 1
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM service INDEXED BY service_by_date WHERE TRUE
  LIMIT :cap
))

-- times: 1
-- binds: limit, parent
SELECT CAST('{"uniqueName":' || json_quote(unique_name) || ',"sessions":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), date_created, sid FROM service INDEXED BY service_by_date WHERE TRUE
      ORDER BY date_created ASC, sid ASC LIMIT :limit

-- times: 2
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM session INDEXED BY session_by_service WHERE service_sid = :parent
  LIMIT :cap
))

-- times: 2
-- binds: limit, parent
SELECT CAST('{"uniqueName":' || json_quote(unique_name) || ',"status":' || json_quote(CASE status WHEN 'open' THEN 'OPEN' WHEN 'in-progress' THEN 'IN_PROGRESS' WHEN 'closed' THEN 'CLOSED' WHEN 'failed' THEN 'FAILED' WHEN 'unknown' THEN 'UNKNOWN' ELSE iif(status IS NULL, NULL, 'UNKNOWN') END) || ',"participants":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"interactions":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), nullif(sid, ''), date_created, sid FROM session INDEXED BY session_by_service WHERE service_sid = :parent
      ORDER BY date_created ASC, sid ASC LIMIT :limit

-- times: 1
-- binds: limit, parents
SELECT parent.value, (SELECT CAST(group_concat(text_0) AS BLOB) FROM (SELECT json_object('friendlyName', friendly_name, 'dateDeleted', date_deleted) AS text_0 FROM participant INDEXED BY participant_by_session WHERE session_sid = parent.value
      ORDER BY date_created ASC, sid ASC LIMIT :limit)) FROM json_each(:parents) AS parent

-- times: 3
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_session WHERE session_sid = :parent
  LIMIT :cap
))

-- times: 3
-- binds: limit, parent
SELECT CAST('{"sid":' || json_quote(sid) || ',"type":' || json_quote(CASE type WHEN 'message' THEN 'MESSAGE' WHEN 'voice' THEN 'VOICE' WHEN 'unknown' THEN 'UNKNOWN' ELSE iif(type IS NULL, NULL, 'UNKNOWN') END) || ',"body":' || json_quote(body) || ',"durationSeconds":' || json_quote(duration_seconds) || ',"inbound":' || iif((inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > ''), '{"participant":' || iif(inbound_participant_sid > '', '', 'null'), 'null') AS BLOB), CAST(iif((inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > ''), ',"resourceSid":' || json_quote(inbound_resource_sid) || ',"resourceStatus":' || json_quote(CASE inbound_resource_status WHEN 'completed' THEN 'COMPLETED' WHEN 'delivered' THEN 'DELIVERED' WHEN 'received' THEN 'RECEIVED' WHEN 'sent' THEN 'SENT' WHEN 'accepted' THEN 'ACCEPTED' WHEN 'answered' THEN 'ANSWERED' WHEN 'busy' THEN 'BUSY' WHEN 'canceled' THEN 'CANCELED' WHEN 'deleted' THEN 'DELETED' WHEN 'delivery-unknown' THEN 'DELIVERY_UNKNOWN' WHEN 'failed' THEN 'FAILED' WHEN 'in-progress' THEN 'IN_PROGRESS' WHEN 'initiated' THEN 'INITIATED' WHEN 'no-answer' THEN 'NO_ANSWER' WHEN 'queued' THEN 'QUEUED' WHEN 'receiving' THEN 'RECEIVING' WHEN 'ringing' THEN 'RINGING' WHEN 'scheduled' THEN 'SCHEDULED' WHEN 'sending' THEN 'SENDING' WHEN 'undelivered' THEN 'UNDELIVERED' WHEN 'unknown' THEN 'UNKNOWN' ELSE iif(inbound_resource_status IS NULL, NULL, 'UNKNOWN') END) || ',"resourceType":' || json_quote(CASE inbound_resource_type WHEN 'message' THEN 'MESSAGE' WHEN 'call' THEN 'CALL' WHEN 'unknown' THEN 'UNKNOWN' ELSE iif(inbound_resource_type IS NULL, NULL, 'UNKNOWN') END) || '}', '') || ',"outbound":' || iif((outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > ''), '{"participant":' || iif(outbound_participant_sid > '', '', 'null'), 'null') AS BLOB), CAST(iif((outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > ''), ',"resourceStatus":' || json_quote(CASE outbound_resource_status WHEN 'completed' THEN 'COMPLETED' WHEN 'delivered' THEN 'DELIVERED' WHEN 'received' THEN 'RECEIVED' WHEN 'sent' THEN 'SENT' WHEN 'accepted' THEN 'ACCEPTED' WHEN 'answered' THEN 'ANSWERED' WHEN 'busy' THEN 'BUSY' WHEN 'canceled' THEN 'CANCELED' WHEN 'deleted' THEN 'DELETED' WHEN 'delivery-unknown' THEN 'DELIVERY_UNKNOWN' WHEN 'failed' THEN 'FAILED' WHEN 'in-progress' THEN 'IN_PROGRESS' WHEN 'initiated' THEN 'INITIATED' WHEN 'no-answer' THEN 'NO_ANSWER' WHEN 'queued' THEN 'QUEUED' WHEN 'receiving' THEN 'RECEIVING' WHEN 'ringing' THEN 'RINGING' WHEN 'scheduled' THEN 'SCHEDULED' WHEN 'sending' THEN 'SENDING' WHEN 'undelivered' THEN 'UNDELIVERED' WHEN 'unknown' THEN 'UNKNOWN' ELSE iif(outbound_resource_status IS NULL, NULL, 'UNKNOWN') END) || '}', '') || '}' AS BLOB), nullif(inbound_participant_sid, ''), nullif(outbound_participant_sid, ''), date_created, sid FROM interaction INDEXED BY interaction_by_session WHERE session_sid = :parent
      ORDER BY date_created ASC, sid ASC LIMIT :limit

-- times: 5
-- binds: 1
SELECT CAST(json_object('friendlyName', friendly_name) AS BLOB) FROM participant WHERE sid = ?
