-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS chosen CROSS JOIN LATERAL (SELECT sid FROM participant WHERE participant.identifier = chosen.value OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || ',' || coalesce(CAST(to_json(identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, friendly_name, identifier, proxy_identifier, proxy_identifier_sid, date_deleted, date_updated, url, extra FROM (
  SELECT * FROM (
    WITH given AS MATERIALIZED (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)), kinds AS MATERIALIZED (SELECT id AS kind FROM participant_kind WHERE TRUE)
    SELECT rest.listed_key, rest.listed_sid FROM (
    SELECT ranges.* FROM (
      WITH RECURSIVE met (value, kind) AS (
        SELECT chosen.value, (SELECT kind FROM participant WHERE participant.identifier = chosen.value ORDER BY kind LIMIT 1) FROM (SELECT value FROM given) AS chosen
        UNION ALL
        SELECT chosen.value, (SELECT kind FROM participant WHERE participant.identifier = chosen.value AND participant.kind > chosen.kind ORDER BY kind LIMIT 1) FROM met AS chosen WHERE chosen.kind IS NOT NULL
      )
      SELECT met.value, kinds.* FROM met JOIN kinds ON kinds.kind = met.kind
    ) AS ranges CROSS JOIN LATERAL (
      SELECT date_created AS listed_key, sid AS listed_sid FROM participant WHERE participant.identifier = ranges.value AND participant.kind = ranges.kind
  ORDER BY date_created DESC, sid DESC LIMIT 1
    ) AS first
    ORDER BY first.listed_key DESC, first.listed_sid DESC LIMIT CAST(:limit AS bigint)
  ) AS ranges CROSS JOIN LATERAL (
    SELECT date_created AS listed_key, sid AS listed_sid FROM participant WHERE participant.identifier = ranges.value AND participant.kind = ranges.kind
  ORDER BY date_created DESC, sid DESC LIMIT CAST(:limit AS bigint)
  ) AS rest
  ) AS legs
  ORDER BY listed_key DESC, listed_sid DESC LIMIT CAST(:limit AS bigint)
) AS found CROSS JOIN LATERAL (SELECT * FROM participant WHERE participant.sid = found.listed_sid OFFSET 0) AS participant
ORDER BY found.listed_key DESC, found.listed_sid DESC
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT DISTINCT rows.sid FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM session_person WHERE session_person.person = chosen.value OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(unique_name) AS text), 'null') || ',' || coalesce(CAST(to_json(status) AS text), 'null') || ',' || coalesce(CAST(to_json(closed_reason) AS text), 'null') || ',' || coalesce(CAST(to_json(mode) AS text), 'null') || ',' || coalesce(CAST(to_json(ttl) AS text), 'null') || ',' || coalesce(CAST(to_json(date_started) AS text), 'null') || ',' || coalesce(CAST(to_json(date_ended) AS text), 'null') || ',' || coalesce(CAST(to_json(date_last_interaction) AS text), 'null') || ',' || coalesce(CAST(to_json(date_expiry) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(archived_at) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ',' || coalesce(CAST(to_json(kept_at) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, service_sid, account_sid, unique_name, status, closed_reason, mode, ttl, date_started, date_ended, date_last_interaction, date_expiry, date_updated, url, archived_at, extra, kept_at FROM (
  SELECT DISTINCT * FROM (
    WITH given AS MATERIALIZED (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL), kinds AS MATERIALIZED (SELECT id AS kind FROM session_kind WHERE TRUE)
    SELECT rest.listed_key, rest.listed_sid FROM (
    SELECT ranges.* FROM (
      WITH RECURSIVE met (value, kind) AS (
        SELECT chosen.value, (SELECT kind FROM session_person WHERE session_person.person = chosen.value ORDER BY kind LIMIT 1) FROM (SELECT value FROM given) AS chosen
        UNION ALL
        SELECT chosen.value, (SELECT kind FROM session_person WHERE session_person.person = chosen.value AND session_person.kind > chosen.kind ORDER BY kind LIMIT 1) FROM met AS chosen WHERE chosen.kind IS NOT NULL
      )
      SELECT met.value, kinds.* FROM met JOIN kinds ON kinds.kind = met.kind
    ) AS ranges CROSS JOIN LATERAL (
      SELECT date_created AS listed_key, sid AS listed_sid FROM session_person WHERE session_person.person = ranges.value AND session_person.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT 1
    ) AS first
    ORDER BY first.listed_key ASC, first.listed_sid ASC LIMIT CAST(:limit AS bigint) * (SELECT count(*) FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS persons)
  ) AS ranges CROSS JOIN LATERAL (
    SELECT date_created AS listed_key, sid AS listed_sid FROM session_person WHERE session_person.person = ranges.value AND session_person.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
  ) AS rest
  ) AS legs
  ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit AS bigint)
) AS found CROSS JOIN LATERAL (SELECT * FROM session WHERE session.sid = found.listed_sid OFFSET 0) AS session
ORDER BY found.listed_key ASC, found.listed_sid ASC
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM interaction WHERE interaction.inbound_person = chosen.value AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_array_elements_text(CAST(:type AS json)) AS element (value))) OFFSET 0) AS rows
  UNION ALL SELECT 1 FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM interaction WHERE interaction.outbound_person = chosen.value AND (inbound_person IS NULL OR inbound_person NOT IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL)) AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_array_elements_text(CAST(:type AS json)) AS element (value))) OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted

-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(type) AS text), 'null') || ',' || coalesce(CAST(to_json(data) AS text), 'null') || ',' || coalesce(CAST(to_json(body) AS text), 'null') || ',' || coalesce(CAST(to_json(duration_seconds) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_participant_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_status) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_type) AS text), 'null') || ',' || coalesce(CAST(to_json(inbound_resource_url) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_participant_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_status) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_type) AS text), 'null') || ',' || coalesce(CAST(to_json(outbound_resource_url) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ',' || coalesce(CAST(to_json(kept_at) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, type, data, body, duration_seconds, inbound_participant_sid, inbound_resource_sid, inbound_resource_status, inbound_resource_type, inbound_resource_url, outbound_participant_sid, outbound_resource_sid, outbound_resource_status, outbound_resource_type, outbound_resource_url, date_updated, url, extra, kept_at FROM (
  SELECT DISTINCT * FROM (
    WITH given AS MATERIALIZED (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL), kinds AS MATERIALIZED (SELECT id AS kind FROM interaction_kind WHERE type IN (SELECT value FROM json_array_elements_text(CAST(:type AS json)) AS element (value)))
, near_0 AS MATERIALIZED (
      SELECT given.value, rest.* FROM given CROSS JOIN LATERAL (
        SELECT listed_key, listed_sid FROM (
          SELECT date_created AS listed_key, sid AS listed_sid, kind, (TRUE) AS is_met FROM interaction WHERE interaction.inbound_person = given.value
  ORDER BY date_created ASC, sid ASC LIMIT 1000
        ) AS next WHERE is_met AND (kind IN (SELECT kinds.kind FROM kinds)) IS TRUE
        ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit AS bigint)
      ) AS rest
    )

, near_1 AS MATERIALIZED (
      SELECT given.value, rest.* FROM given CROSS JOIN LATERAL (
        SELECT listed_key, listed_sid FROM (
          SELECT date_created AS listed_key, sid AS listed_sid, kind, (TRUE) AS is_met FROM interaction WHERE interaction.outbound_person = given.value
  ORDER BY date_created ASC, sid ASC LIMIT 1000
        ) AS next WHERE is_met AND (kind IN (SELECT kinds.kind FROM kinds)) IS TRUE
        ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit AS bigint)
      ) AS rest
    )

    SELECT listed_key, listed_sid FROM near_0
    UNION ALL
    SELECT rest.listed_key, rest.listed_sid FROM (
    SELECT ranges.* FROM (
      WITH RECURSIVE met (value, kind) AS (
        SELECT chosen.value, (SELECT kind FROM interaction WHERE interaction.inbound_person = chosen.value ORDER BY kind LIMIT 1) FROM (SELECT value FROM given
        WHERE value NOT IN (SELECT value FROM near_0 GROUP BY value HAVING count(*) >= CAST(:limit AS bigint))
          AND (SELECT TRUE FROM interaction WHERE interaction.inbound_person = given.value LIMIT 1 OFFSET 1000) IS TRUE) AS chosen
        UNION ALL
        SELECT chosen.value, (SELECT kind FROM interaction WHERE interaction.inbound_person = chosen.value AND interaction.kind > chosen.kind ORDER BY kind LIMIT 1) FROM met AS chosen WHERE chosen.kind IS NOT NULL
      )
      SELECT met.value, kinds.* FROM met JOIN kinds ON kinds.kind = met.kind
    ) AS ranges CROSS JOIN LATERAL (
      SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE interaction.inbound_person = ranges.value AND interaction.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT 1
    ) AS first
    ORDER BY first.listed_key ASC, first.listed_sid ASC LIMIT CAST(:limit AS bigint) * 2
  ) AS ranges CROSS JOIN LATERAL (
    SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE interaction.inbound_person = ranges.value AND interaction.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
  ) AS rest
    UNION ALL
    SELECT listed_key, listed_sid FROM near_1
    UNION ALL
    SELECT rest.listed_key, rest.listed_sid FROM (
    SELECT ranges.* FROM (
      WITH RECURSIVE met (value, kind) AS (
        SELECT chosen.value, (SELECT kind FROM interaction WHERE interaction.outbound_person = chosen.value ORDER BY kind LIMIT 1) FROM (SELECT value FROM given
        WHERE value NOT IN (SELECT value FROM near_1 GROUP BY value HAVING count(*) >= CAST(:limit AS bigint))
          AND (SELECT TRUE FROM interaction WHERE interaction.outbound_person = given.value LIMIT 1 OFFSET 1000) IS TRUE) AS chosen
        UNION ALL
        SELECT chosen.value, (SELECT kind FROM interaction WHERE interaction.outbound_person = chosen.value AND interaction.kind > chosen.kind ORDER BY kind LIMIT 1) FROM met AS chosen WHERE chosen.kind IS NOT NULL
      )
      SELECT met.value, kinds.* FROM met JOIN kinds ON kinds.kind = met.kind
    ) AS ranges CROSS JOIN LATERAL (
      SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE interaction.outbound_person = ranges.value AND interaction.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT 1
    ) AS first
    ORDER BY first.listed_key ASC, first.listed_sid ASC LIMIT CAST(:limit AS bigint) * 2
  ) AS ranges CROSS JOIN LATERAL (
    SELECT date_created AS listed_key, sid AS listed_sid FROM interaction WHERE interaction.outbound_person = ranges.value AND interaction.kind = ranges.kind
  ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
  ) AS rest
  ) AS legs
  ORDER BY listed_key ASC, listed_sid ASC LIMIT CAST(:limit AS bigint)
) AS found CROSS JOIN LATERAL (SELECT * FROM interaction WHERE interaction.sid = found.listed_sid OFFSET 0) AS interaction
ORDER BY found.listed_key ASC, found.listed_sid ASC
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged

-- keys: 2
SELECT convert_to('[' || coalesce(string_agg(page, ','), '') || ']', 'UTF8') FROM (
  SELECT (
    SELECT '[' || coalesce(string_agg('[' || coalesce(CAST(to_json(sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_created) AS text), 'null') || ',' || coalesce(CAST(to_json(session_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(service_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(account_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(friendly_name) AS text), 'null') || ',' || coalesce(CAST(to_json(identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier) AS text), 'null') || ',' || coalesce(CAST(to_json(proxy_identifier_sid) AS text), 'null') || ',' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || ',' || coalesce(CAST(to_json(date_updated) AS text), 'null') || ',' || coalesce(CAST(to_json(url) AS text), 'null') || ',' || coalesce(CAST(to_json(extra) AS text), 'null') || ']', ','), '') || ']' FROM (
      SELECT sid, date_created, session_sid, service_sid, account_sid, friendly_name, identifier, proxy_identifier, proxy_identifier_sid, date_deleted, date_updated, url, extra FROM participant WHERE session_sid = parent.value AND (identifier IN (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value))) IS TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit AS bigint)
    ) AS listed
  ) AS page FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent
) AS paged
