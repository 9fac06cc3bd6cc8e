-- keys: 1
SELECT CAST('[' || coalesce(group_concat(json_array(sid, date_created, service_sid, account_sid, unique_name, status, closed_reason, mode, ttl, date_started, date_ended, date_last_interaction, date_expiry, date_updated, url, archived_at, extra, kept_at)), '') || ']' AS BLOB) FROM session WHERE sid IN (SELECT value FROM json_each(:sids))

-- keys: 1
SELECT CAST('[' || coalesce(group_concat(json_array(sid, date_created, account_sid, unique_name, chat_instance_sid, callback_url, intercept_callback_url, out_of_session_callback_url, default_ttl, geo_match_level, number_selection_behavior, date_updated, url, extra)), '') || ']' AS BLOB) FROM service WHERE sid IN (SELECT value FROM json_each(:sids))
