-- Whether JSON writes a row's texts as they are (Record.plain); null is not known, which is as good as no.

ALTER TABLE interaction ADD COLUMN plain INTEGER;
UPDATE interaction SET plain = json_quote(
  nullif(sid, '') || nullif(session_sid, '') || nullif(service_sid, '') || nullif(account_sid, '') || nullif(type, '')
  || nullif(inbound_participant_sid, '') || nullif(inbound_resource_sid, '') || nullif(inbound_resource_status, '')
  || nullif(inbound_resource_type, '') || nullif(inbound_resource_url, '') || nullif(outbound_participant_sid, '')
  || nullif(outbound_resource_sid, '') || nullif(outbound_resource_status, '') || nullif(outbound_resource_type, '')
  || nullif(outbound_resource_url, '') || nullif(date_created, '') || nullif(date_updated, '')
) IS '"' ||
  nullif(sid, '') || nullif(session_sid, '') || nullif(service_sid, '') || nullif(account_sid, '') || nullif(type, '')
  || nullif(inbound_participant_sid, '') || nullif(inbound_resource_sid, '') || nullif(inbound_resource_status, '')
  || nullif(inbound_resource_type, '') || nullif(inbound_resource_url, '') || nullif(outbound_participant_sid, '')
  || nullif(outbound_resource_sid, '') || nullif(outbound_resource_status, '') || nullif(outbound_resource_type, '')
  || nullif(outbound_resource_url, '') || nullif(date_created, '') || nullif(date_updated, '')
  || '"';
