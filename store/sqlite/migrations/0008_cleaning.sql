-- Why an erased entry of the ledger is still open: what keeps its bytes in the files (store/sqlite/cleaning.py).

ALTER TABLE deletion ADD COLUMN waits_for TEXT;

-- The data version is a new random number with each write, so that it never repeats, also after a backup is restored.
-- Nothing else moves it.

DROP TRIGGER service_inserted;
CREATE TRIGGER service_inserted AFTER INSERT ON service BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER service_updated;
CREATE TRIGGER service_updated AFTER UPDATE ON service BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER service_deleted;
CREATE TRIGGER service_deleted AFTER DELETE ON service BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_inserted;
CREATE TRIGGER session_inserted AFTER INSERT ON session BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_updated;
CREATE TRIGGER session_updated AFTER UPDATE ON session BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_deleted;
CREATE TRIGGER session_deleted AFTER DELETE ON session BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER participant_inserted;
CREATE TRIGGER participant_inserted AFTER INSERT ON participant BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER participant_updated;
CREATE TRIGGER participant_updated AFTER UPDATE ON participant BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER participant_deleted;
CREATE TRIGGER participant_deleted AFTER DELETE ON participant BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_inserted;
CREATE TRIGGER interaction_inserted AFTER INSERT ON interaction BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_updated;
CREATE TRIGGER interaction_updated AFTER UPDATE ON interaction BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_deleted;
CREATE TRIGGER interaction_deleted AFTER DELETE ON interaction BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_kind_inserted;
CREATE TRIGGER session_kind_inserted AFTER INSERT ON session_kind BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_kind_updated;
CREATE TRIGGER session_kind_updated AFTER UPDATE ON session_kind BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER session_kind_deleted;
CREATE TRIGGER session_kind_deleted AFTER DELETE ON session_kind BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_kind_inserted;
CREATE TRIGGER interaction_kind_inserted AFTER INSERT ON interaction_kind BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_kind_updated;
CREATE TRIGGER interaction_kind_updated AFTER UPDATE ON interaction_kind BEGIN UPDATE archive SET data_version = random(); END;
DROP TRIGGER interaction_kind_deleted;
CREATE TRIGGER interaction_kind_deleted AFTER DELETE ON interaction_kind BEGIN UPDATE archive SET data_version = random(); END;
UPDATE archive SET data_version = random();
