-- times: 1
-- binds: cap, identifier, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM participant INDEXED BY participant_by_identifier WHERE identifier IN (SELECT value FROM json_each(:identifier))
  LIMIT :cap
))

-- times: 1
-- binds: after_key, after_sid, before_key, before_sid, identifier, limit, parent
SELECT CAST(group_concat(text_0) AS BLOB) FROM (WITH RECURSIVE ranges (value, part, kind) AS (
        SELECT value, part, (SELECT kind FROM participant INDEXED BY participant_by_identifier WHERE participant.identifier = chosen.value AND participant.kind > 0 ORDER BY kind LIMIT 1) FROM (SELECT value FROM json_each(:identifier)) AS chosen CROSS JOIN (SELECT 0 AS part) AS parts
        UNION ALL
        SELECT value, part, (SELECT kind FROM participant INDEXED BY participant_by_identifier WHERE participant.identifier = ranges.value AND participant.kind > ranges.kind ORDER BY kind LIMIT 1) FROM ranges WHERE kind > 0
      ),
      merged (place, value, part, kind, end_key, end_sid) AS (
        SELECT (coalesce((SELECT date_created || sid FROM participant INDEXED BY participant_by_identifier WHERE participant.identifier = ranges.value AND participant.kind = ranges.kind AND (date_created, sid) < (start_key, start_sid) AND (date_created, sid) > (end_key, end_sid)
          ORDER BY date_created DESC, sid DESC LIMIT 1), '')), value, part, kind, end_key, end_sid
        FROM ranges CROSS JOIN (SELECT id, :before_key AS start_key, :before_sid AS start_sid, :after_key AS end_key, :after_sid AS end_sid FROM participant_kind) AS kinds ON kinds.id = ranges.kind
        UNION ALL
        SELECT (coalesce((SELECT date_created || sid FROM participant INDEXED BY participant_by_identifier WHERE participant.identifier = merged.value AND participant.kind = merged.kind AND (date_created, sid) < (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) > (end_key, end_sid)
          ORDER BY date_created DESC, sid DESC LIMIT 1), '')), value, part, kind, end_key, end_sid FROM merged WHERE place <> ''
        ORDER BY 1 DESC LIMIT :limit * 1
      )
      SELECT json_object('sid', sid, 'dateDeleted', date_deleted) AS text_0 FROM (SELECT place FROM merged GROUP BY place ORDER BY place DESC LIMIT :limit)
      CROSS JOIN participant ON sid = substr(place, 25) ORDER BY place DESC)

-- times: 1
-- binds: cap, identifier, parent
SELECT (SELECT count(*) FROM (
  SELECT DISTINCT sid FROM session_person INDEXED BY session_person_by_kind WHERE person IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL)
  LIMIT :cap
))

-- times: 1
-- binds: after_key, after_sid, before_key, before_sid, identifier, limit, parent
WITH RECURSIVE ranges (value, part, kind) AS (
        SELECT value, part, (SELECT kind FROM session_person INDEXED BY session_person_by_kind WHERE session_person.person = chosen.value AND session_person.kind > 0 ORDER BY kind LIMIT 1) FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN (SELECT 0 AS part) AS parts
        UNION ALL
        SELECT value, part, (SELECT kind FROM session_person INDEXED BY session_person_by_kind WHERE session_person.person = ranges.value AND session_person.kind > ranges.kind ORDER BY kind LIMIT 1) FROM ranges WHERE kind > 0
      ),
      merged (place, value, part, kind, end_key, end_sid) AS (
        SELECT (coalesce((SELECT date_created || sid FROM session_person INDEXED BY session_person_by_kind WHERE session_person.person = ranges.value AND session_person.kind = ranges.kind AND (date_created, sid) > (start_key, start_sid) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~')), value, part, kind, end_key, end_sid
        FROM ranges CROSS JOIN (SELECT id, :after_key AS start_key, :after_sid AS start_sid, :before_key AS end_key, :before_sid AS end_sid FROM session_kind) AS kinds ON kinds.id = ranges.kind
        UNION ALL
        SELECT (coalesce((SELECT date_created || sid FROM session_person INDEXED BY session_person_by_kind WHERE session_person.person = merged.value AND session_person.kind = merged.kind AND (date_created, sid) > (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~')), value, part, kind, end_key, end_sid FROM merged WHERE place <> '~'
        ORDER BY 1 ASC LIMIT :limit * (SELECT count(*) FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL) AS persons)
      )
      SELECT CAST('{"sid":' || json_quote(sid) || ',"participantsConnection":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), date_created, sid FROM (SELECT place FROM merged GROUP BY place ORDER BY place ASC LIMIT :limit)
      CROSS JOIN session ON sid = substr(place, 25) ORDER BY place ASC

-- times: 1
-- binds: identifier, limit, parents
SELECT parent.value, (SELECT CAST(group_concat(text_0) AS BLOB) FROM (SELECT json_object('sid', sid) AS text_0 FROM participant INDEXED BY participant_by_session WHERE session_sid = parent.value AND identifier IN (SELECT value FROM json_each(:identifier))
      ORDER BY date_created ASC, sid ASC LIMIT :limit)) FROM json_each(:parents) AS parent

-- times: 1
-- binds: cap, identifier, parent, type
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_inbound_person WHERE inbound_person IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL) AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type)))
  UNION ALL SELECT 1 FROM interaction INDEXED BY interaction_by_outbound_person WHERE outbound_person IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL) AND (inbound_person IS NULL OR inbound_person NOT IN (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL)) AND kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type)))
  LIMIT :cap
))

-- times: 1
-- binds: after_key, after_sid, before_key, before_sid, between, identifier, lead, limit, of, parent, type
SELECT CAST(:lead || group_concat(text_0, :between) AS BLOB), count(*) FROM (WITH RECURSIVE ranges (value, part, kind) AS (
        SELECT value, part, CASE part WHEN 0 THEN iif((SELECT 1 FROM interaction INDEXED BY interaction_by_inbound_person_any WHERE interaction.inbound_person = chosen.value LIMIT 1 OFFSET 2000) = 1, (SELECT kind FROM interaction INDEXED BY interaction_by_inbound_person WHERE interaction.inbound_person = chosen.value AND interaction.kind > 0 ORDER BY kind LIMIT 1), 0) WHEN 1 THEN iif((SELECT 1 FROM interaction INDEXED BY interaction_by_outbound_person_any WHERE interaction.outbound_person = chosen.value LIMIT 1 OFFSET 2000) = 1, (SELECT kind FROM interaction INDEXED BY interaction_by_outbound_person WHERE interaction.outbound_person = chosen.value AND interaction.kind > 0 ORDER BY kind LIMIT 1), 0) END FROM (SELECT value FROM (SELECT (SELECT person FROM participant WHERE identifier = asked.value LIMIT 1) AS value FROM (SELECT value FROM json_each(:identifier)) AS asked) AS found WHERE value IS NOT NULL) AS chosen CROSS JOIN (SELECT 0 AS part UNION ALL SELECT 1 AS part) AS parts
        UNION ALL
        SELECT value, part, CASE part WHEN 0 THEN (SELECT kind FROM interaction INDEXED BY interaction_by_inbound_person WHERE interaction.inbound_person = ranges.value AND interaction.kind > ranges.kind ORDER BY kind LIMIT 1) WHEN 1 THEN (SELECT kind FROM interaction INDEXED BY interaction_by_outbound_person WHERE interaction.outbound_person = ranges.value AND interaction.kind > ranges.kind ORDER BY kind LIMIT 1) END FROM ranges WHERE kind > 0
      ),
      merged (place, value, part, kind, end_key, end_sid) AS (
        SELECT (CASE part WHEN 0 THEN coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_inbound_person_any WHERE interaction.inbound_person = value AND interaction.kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type))) AND (date_created, sid) > (start_key, start_sid) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~') WHEN 1 THEN coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_outbound_person_any WHERE interaction.outbound_person = value AND interaction.kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type))) AND (date_created, sid) > (start_key, start_sid) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~') END), value, part, kind, :before_key, :before_sid
        FROM (SELECT *, :after_key AS start_key, :after_sid AS start_sid, :before_key AS end_key, :before_sid AS end_sid
              FROM ranges WHERE +kind = 0)
        UNION ALL
        SELECT (CASE part WHEN 0 THEN coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_inbound_person WHERE interaction.inbound_person = ranges.value AND interaction.kind = ranges.kind AND (date_created, sid) > (start_key, start_sid) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~') WHEN 1 THEN coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_outbound_person WHERE interaction.outbound_person = ranges.value AND interaction.kind = ranges.kind AND (date_created, sid) > (start_key, start_sid) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~') END), value, part, kind, end_key, end_sid
        FROM ranges CROSS JOIN (SELECT id, :after_key AS start_key, :after_sid AS start_sid, :before_key AS end_key, :before_sid AS end_sid FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type))) AS kinds ON kinds.id = ranges.kind
        UNION ALL
        SELECT (CASE part WHEN 0 THEN iif(kind = 0, coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_inbound_person_any WHERE interaction.inbound_person = merged.value AND interaction.kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type))) AND (date_created, sid) > (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~'), coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_inbound_person WHERE interaction.inbound_person = merged.value AND interaction.kind = merged.kind AND (date_created, sid) > (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~')) WHEN 1 THEN iif(kind = 0, coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_outbound_person_any WHERE interaction.outbound_person = merged.value AND interaction.kind IN (SELECT id FROM interaction_kind WHERE type IN (SELECT value FROM json_each(:type))) AND (date_created, sid) > (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~'), coalesce((SELECT date_created || sid FROM interaction INDEXED BY interaction_by_outbound_person WHERE interaction.outbound_person = merged.value AND interaction.kind = merged.kind AND (date_created, sid) > (substr(place, 1, 24), substr(place, 25)) AND (date_created, sid) < (end_key, end_sid)
          ORDER BY date_created ASC, sid ASC LIMIT 1), '~')) END), value, part, kind, end_key, end_sid FROM merged WHERE place <> '~'
        ORDER BY 1 ASC LIMIT :limit * 2
      )
      SELECT date_created || '.' || sid || '","node":' || json_object('sid', sid, 'inbound', iif((inbound_participant_sid > '' OR inbound_resource_sid > '' OR inbound_resource_status > '' OR inbound_resource_type > '' OR inbound_resource_url > ''), json_object('participantSid', inbound_participant_sid), NULL), 'outbound', iif((outbound_participant_sid > '' OR outbound_resource_sid > '' OR outbound_resource_status > '' OR outbound_resource_type > '' OR outbound_resource_url > ''), json_object('participantSid', outbound_participant_sid), NULL)) || '}' AS text_0 FROM (SELECT place FROM merged GROUP BY place ORDER BY place ASC LIMIT :limit)
      CROSS JOIN interaction ON sid = substr(place, 25) ORDER BY place ASC)
