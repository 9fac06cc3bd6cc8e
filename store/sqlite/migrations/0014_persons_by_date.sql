-- What a person took part in by the date alone, whatever its facets. A person's other indexes begin with the facets: they
-- serve filters on facets however many rows the person has, but need a step for each combination of these rows.

CREATE INDEX interaction_by_inbound_person_any
  ON interaction (inbound_person, date_created, sid, kind) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_inbound_person_any_updated
  ON interaction (inbound_person, date_updated, sid, kind, date_created) WHERE inbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_any
  ON interaction (outbound_person, date_created, sid, kind) WHERE outbound_person IS NOT NULL;
CREATE INDEX interaction_by_outbound_person_any_updated
  ON interaction (outbound_person, date_updated, sid, kind, date_created) WHERE outbound_person IS NOT NULL;

CREATE INDEX session_person_any ON session_person (person, date_created, sid, kind, date_last_interaction);
CREATE INDEX session_person_any_updated
  ON session_person (person, date_updated, sid, kind, date_created, date_last_interaction);
CREATE INDEX session_person_any_last_interaction
  ON session_person (person, ifnull(date_last_interaction, '0000-00-00T00:00:00.000Z'), sid, kind, date_created,
                     date_last_interaction);
