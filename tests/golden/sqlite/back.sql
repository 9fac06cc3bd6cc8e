-- keys: 1
SELECT CAST('[' || coalesce(group_concat(page), '') || ']' AS BLOB) FROM (
  SELECT (
    SELECT '[' || coalesce(group_concat(json_array(sid, date_created, session_sid, service_sid, account_sid, type, data, body, duration_seconds, inbound_participant_sid, inbound_resource_sid, inbound_resource_status, inbound_resource_type, inbound_resource_url, outbound_participant_sid, outbound_resource_sid, outbound_resource_status, outbound_resource_type, outbound_resource_url, date_updated, url, extra, kept_at)), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, type, data, body, duration_seconds, inbound_participant_sid, inbound_resource_sid, inbound_resource_status, inbound_resource_type, inbound_resource_url, outbound_participant_sid, outbound_resource_sid, outbound_resource_status, outbound_resource_type, outbound_resource_url, date_updated, url, extra, kept_at FROM interaction INDEXED BY interaction_by_date WHERE TRUE
      ORDER BY date_created ASC, sid ASC LIMIT :limit
    ) AS listed
  ) AS page FROM (SELECT value FROM json_each(:parents)) AS parent
) AS paged

-- keys: 3
SELECT CAST('[' || coalesce(group_concat(json_array(sid, date_created, service_sid, account_sid, unique_name, status, closed_reason, mode, ttl, date_started, date_ended, date_last_interaction, date_expiry, date_updated, url, archived_at, extra, kept_at)), '') || ']' AS BLOB) FROM session WHERE sid IN (SELECT value FROM json_each(:sids))

-- keys: 2
SELECT CAST('[' || coalesce(group_concat(json_array(sid, date_created, account_sid, unique_name, chat_instance_sid, callback_url, intercept_callback_url, out_of_session_callback_url, default_ttl, geo_match_level, number_selection_behavior, date_updated, url, extra)), '') || ']' AS BLOB) FROM service WHERE sid IN (SELECT value FROM json_each(:sids))
