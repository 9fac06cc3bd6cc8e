-- The change feed: each insert, change, archiving and erasure of a row gets the next number, in the transaction that
-- makes it. Triggers write it, so no writer can forget it. An entry has SIDs and a time, and no content.
--
-- Transactions run one after another, so numbers have the order of the commits. The steps between them are random, so
-- that a cursor shows whether its change is one of this file: where an older copy has taken the file's place, later
-- changes get other numbers than before.

CREATE TABLE change (
  number INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  type TEXT NOT NULL,
  sid TEXT NOT NULL,
  service_sid TEXT NOT NULL,
  session_sid TEXT,
  at TEXT NOT NULL
) STRICT;
CREATE INDEX change_by_type ON change (type, kind, number);
CREATE INDEX change_by_session ON change (session_sid, number) WHERE session_sid IS NOT NULL;

-- ``epoch`` names this archive's numbers: after a restore they begin another epoch. ``dropped`` is the last number
-- that is no longer kept; no number up to it is given again.
CREATE TABLE change_feed (
  epoch TEXT NOT NULL,
  dropped INTEGER NOT NULL
) STRICT;
INSERT INTO change_feed (epoch, dropped) VALUES (lower(hex(randomblob(8))), 0);

CREATE TRIGGER service_created_is_a_change AFTER INSERT ON service BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'CREATED',
    'SERVICE', NEW.sid, NEW.sid, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER service_updated_is_a_change AFTER UPDATE ON service
WHEN (
    OLD.date_created, OLD.account_sid, OLD.unique_name, OLD.chat_instance_sid, OLD.callback_url,
    OLD.intercept_callback_url, OLD.out_of_session_callback_url, OLD.default_ttl, OLD.geo_match_level,
    OLD.number_selection_behavior, OLD.date_updated, OLD.url
  ) IS NOT (
    NEW.date_created, NEW.account_sid, NEW.unique_name, NEW.chat_instance_sid, NEW.callback_url,
    NEW.intercept_callback_url, NEW.out_of_session_callback_url, NEW.default_ttl, NEW.geo_match_level,
    NEW.number_selection_behavior, NEW.date_updated, NEW.url
  )
BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'UPDATED',
    'SERVICE', NEW.sid, NEW.sid, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER service_deleted_is_a_change AFTER DELETE ON service BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'ERASED',
    'SERVICE', OLD.sid, OLD.sid, NULL, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;

CREATE TRIGGER session_created_is_a_change AFTER INSERT ON session BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'CREATED',
    'SESSION', NEW.sid, NEW.service_sid, NEW.sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER session_updated_is_a_change AFTER UPDATE ON session
WHEN (
    OLD.date_created, OLD.service_sid, OLD.account_sid, OLD.unique_name, OLD.status, OLD.closed_reason, OLD.mode,
    OLD.ttl, OLD.date_started, OLD.date_ended, OLD.date_last_interaction, OLD.date_expiry, OLD.date_updated, OLD.url,
    OLD.archived_at, OLD.kept_at
  ) IS NOT (
    NEW.date_created, NEW.service_sid, NEW.account_sid, NEW.unique_name, NEW.status, NEW.closed_reason, NEW.mode,
    NEW.ttl, NEW.date_started, NEW.date_ended, NEW.date_last_interaction, NEW.date_expiry, NEW.date_updated, NEW.url,
    NEW.archived_at, NEW.kept_at
  )
BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    iif(OLD.archived_at IS NULL AND NEW.archived_at IS NOT NULL, 'ARCHIVED', 'UPDATED'),
    'SESSION', NEW.sid, NEW.service_sid, NEW.sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER session_deleted_is_a_change AFTER DELETE ON session BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'ERASED',
    'SESSION', OLD.sid, OLD.service_sid, OLD.sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;

CREATE TRIGGER participant_created_is_a_change AFTER INSERT ON participant BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'CREATED',
    'PARTICIPANT', NEW.sid, NEW.service_sid, NEW.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER participant_updated_is_a_change AFTER UPDATE ON participant
WHEN (
    OLD.date_created, OLD.session_sid, OLD.service_sid, OLD.account_sid, OLD.friendly_name, OLD.identifier,
    OLD.proxy_identifier, OLD.proxy_identifier_sid, OLD.date_deleted, OLD.date_updated, OLD.url
  ) IS NOT (
    NEW.date_created, NEW.session_sid, NEW.service_sid, NEW.account_sid, NEW.friendly_name, NEW.identifier,
    NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.date_deleted, NEW.date_updated, NEW.url
  )
BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    iif(
      coalesce(OLD.friendly_name, OLD.identifier, OLD.proxy_identifier, OLD.proxy_identifier_sid, OLD.extra) IS NOT NULL
      AND coalesce(NEW.friendly_name, NEW.identifier, NEW.proxy_identifier, NEW.proxy_identifier_sid, NEW.extra) IS NULL
      AND EXISTS (SELECT 1 FROM deletion WHERE deletion.sid = NEW.sid),
      'ERASED', 'UPDATED'
    ),
    'PARTICIPANT', NEW.sid, NEW.service_sid, NEW.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER participant_deleted_is_a_change AFTER DELETE ON participant BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'ERASED',
    'PARTICIPANT', OLD.sid, OLD.service_sid, OLD.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;

CREATE TRIGGER interaction_created_is_a_change AFTER INSERT ON interaction BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'CREATED',
    'INTERACTION', NEW.sid, NEW.service_sid, NEW.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER interaction_updated_is_a_change AFTER UPDATE ON interaction
WHEN (
    OLD.date_created, OLD.session_sid, OLD.service_sid, OLD.account_sid, OLD.type, OLD.data, OLD.body,
    OLD.duration_seconds, OLD.inbound_participant_sid, OLD.inbound_resource_sid, OLD.inbound_resource_status,
    OLD.inbound_resource_type, OLD.inbound_resource_url, OLD.outbound_participant_sid, OLD.outbound_resource_sid,
    OLD.outbound_resource_status, OLD.outbound_resource_type, OLD.outbound_resource_url, OLD.date_updated, OLD.url,
    OLD.kept_at
  ) IS NOT (
    NEW.date_created, NEW.session_sid, NEW.service_sid, NEW.account_sid, NEW.type, NEW.data, NEW.body,
    NEW.duration_seconds, NEW.inbound_participant_sid, NEW.inbound_resource_sid, NEW.inbound_resource_status,
    NEW.inbound_resource_type, NEW.inbound_resource_url, NEW.outbound_participant_sid, NEW.outbound_resource_sid,
    NEW.outbound_resource_status, NEW.outbound_resource_type, NEW.outbound_resource_url, NEW.date_updated, NEW.url,
    NEW.kept_at
  )
BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'UPDATED',
    'INTERACTION', NEW.sid, NEW.service_sid, NEW.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
CREATE TRIGGER interaction_deleted_is_a_change AFTER DELETE ON interaction BEGIN
  INSERT INTO change (number, kind, type, sid, service_sid, session_sid, at)
  VALUES (
    (SELECT max(dropped, coalesce((SELECT max(number) FROM change), 0)) + 1 + abs(random() % 1048576) FROM change_feed),
    'ERASED',
    'INTERACTION', OLD.sid, OLD.service_sid, OLD.session_sid, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  );
END;
