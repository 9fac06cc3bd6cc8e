-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM service WHERE TRUE
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',' || coalesce(CAST(to_json(chat_instance_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(callback_url) AS text), 'null') || ',' || coalesce(CAST(to_json(intercept_callback_url) AS text), 'null') || ',' || coalesce(CAST(to_json(out_of_session_callback_url) AS text), 'null') || ',' || coalesce(CAST(to_json(default_ttl) AS text), 'null') || ',' || coalesce(CAST(to_json(geo_match_level) AS text), 'null') || ',' || coalesce(CAST(to_json(number_selection_behavior) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, account_sid, unique_name, chat_instance_sid, callback_url, intercept_callback_url, out_of_session_callback_url, default_ttl, geo_match_level, number_selection_behavior, date_updated, url, extra FROM service WHERE TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 2
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM session WHERE service_sid = parent.value
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 2
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',' || coalesce(CAST(to_json(status) AS text), 'null') || ',' || coalesce(CAST(to_json(closed_reason) AS text), 'null') || ',' || coalesce(CAST(to_json(mode) AS text), 'null') || ',' || coalesce(CAST(to_json(ttl) AS text), 'null') || ',' || coalesce(CAST(to_json(date_started) AS text), 'null') || ',' || coalesce(CAST(to_json(date_ended) AS text), 'null') || ',' || coalesce(CAST(to_json(date_last_interaction) AS text), 'null') || ',' || coalesce(CAST(to_json(date_expiry) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(archived_at) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ',' || coalesce(CAST(to_json(kept_at) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, service_sid, account_sid, unique_name, status, closed_reason, mode, ttl, date_started, date_ended, date_last_interaction, date_expiry, date_updated, url, archived_at, extra, kept_at FROM session WHERE service_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 3
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || ',' || coalesce(CAST(to_json(identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, friendly_name, identifier, proxy_identifier, proxy_identifier_sid, date_deleted, date_updated, url, extra FROM participant WHERE session_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 3
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE session_sid = parent.value
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 3
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(type) AS text), 'null') || ',' || coalesce(CAST(to_json(data) AS text), 'null') || ',' || coalesce(CAST(to_json(body) AS text), 'null') || ',' || coalesce(CAST(to_json(duration_seconds) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_participant_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_status) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_type) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_url) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_participant_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_status) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_type) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_url) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ',' || coalesce(CAST(to_json(kept_at) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, type, data, body, duration_seconds, inbound_participant_sid, inbound_resource_sid, inbound_resource_status, inbound_resource_type, inbound_resource_url, outbound_participant_sid, outbound_resource_sid, outbound_resource_status, outbound_resource_type, outbound_resource_url, date_updated, url, extra, kept_at FROM interaction WHERE session_sid = parent.value
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 3
SELECT convert_to('[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || ',' || coalesce(CAST(to_json(identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ']', ','), '') || ']', 'UTF8') FROM participant WHERE sid IN (SELECT value FROM json_array_elements_text(CAST(:sids AS json)) AS element (value))
