-- times: 2
-- binds: after_key, after_sid, before_key, before_sid, cap, fingerprint, identifier, limit, parent
SELECT counted.number, convert_to((page_0.text_0), 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS chosen CROSS JOIN LATERAL (SELECT sid FROM participant WHERE participant.identifier = chosen.value OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number) AS counted LEFT JOIN LATERAL (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"dateDeleted":' || coalesce(CAST(to_json(date_deleted) AS text), 'null') || '}' AS text_0 FROM (
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
) AS page_0 ON TRUE

-- times: 1
-- binds: after_key, after_sid, before_key, before_sid, cap, fingerprint, identifier, identifier_0, limit, limit_0, parent
SELECT counted.number, convert_to((page_0.text_0 || CASE WHEN page_0.key_0 IS NULL THEN '' ELSE '{"nodes":[' END) || coalesce((SELECT string_agg((page_1.text_0), ',') FROM (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || '}' AS text_0 FROM participant WHERE session_sid = page_0.key_0 AND (identifier IN (SELECT value FROM json_array_elements_text(CAST(:identifier_0 AS json)) AS element (value))) IS TRUE
ORDER BY date_created ASC, sid ASC LIMIT CAST(:limit_0 AS bigint)
) AS page_1), '') || (CASE WHEN page_0.key_0 IS NULL THEN '' ELSE ']}' END || page_0.text_1), 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT DISTINCT rows.sid FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM session_person WHERE session_person.person = chosen.value OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number) AS counted LEFT JOIN LATERAL (
  SELECT '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"participantsConnection":' || CASE WHEN sid > '' THEN '' ELSE 'null' END AS text_0, '}' AS text_1, nullif(sid, '') AS key_0 FROM (
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
) AS page_0 ON TRUE

-- times: 1
-- binds: after_key, after_sid, before_key, before_sid, cap, fingerprint, identifier, limit, parent, type
SELECT counted.number, convert_to((page_0.text_0), 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM interaction WHERE interaction.inbound_person = chosen.value AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_array_elements_text(CAST(:type AS json)) AS element (value))) OFFSET 0) AS rows
  UNION ALL SELECT 1 FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN LATERAL (SELECT sid FROM interaction WHERE interaction.outbound_person = chosen.value AND (inbound_person IS NULL OR inbound_person NOT IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_array_elements_text(CAST(:identifier AS json)) AS element (value)) AS asked) AS found WHERE value IS NOT NULL)) AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_array_elements_text(CAST(:type AS json)) AS element (value))) OFFSET 0) AS rows
  LIMIT CAST(:cap AS bigint)
) AS children) AS number) AS counted LEFT JOIN LATERAL (
  SELECT date_created || '.' || sid || '","node":' || CASE WHEN plain THEN '{"sid":"' || sid || '","inbound":{"participantSid":"' || inbound_participant_sid || '"},"outbound":{"participantSid":"' || outbound_participant_sid || '"}}' ELSE '{"sid":' || coalesce(CAST(to_json(sid) AS text), 'null') || ',"inbound":' || CASE WHEN inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > '' THEN '{"participantSid":' || coalesce(CAST(to_json(inbound_participant_sid) AS text), 'null') || '}' ELSE 'null' END || ',"outbound":' || CASE WHEN outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > '' THEN '{"participantSid":' || coalesce(CAST(to_json(outbound_participant_sid) AS text), 'null') || '}' ELSE 'null' END || '}' END || '}' AS text_0 FROM (
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
) AS page_0 ON TRUE
