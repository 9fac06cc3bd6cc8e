-- Whatever is written to what answers are read from moves the data version, whoever writes it. So what else is written,
-- such as that a key was used, needs not be told from it by the number of commits, which moved the entity tags too.

CREATE TRIGGER service_inserted AFTER INSERT ON service BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER service_updated AFTER UPDATE ON service BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER service_deleted AFTER DELETE ON service BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_inserted AFTER INSERT ON session BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_updated AFTER UPDATE ON session BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_deleted AFTER DELETE ON session BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER participant_inserted AFTER INSERT ON participant BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER participant_updated AFTER UPDATE ON participant BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER participant_deleted AFTER DELETE ON participant BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_inserted AFTER INSERT ON interaction BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_updated AFTER UPDATE ON interaction BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_deleted AFTER DELETE ON interaction BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_kind_inserted AFTER INSERT ON session_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_kind_updated AFTER UPDATE ON session_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER session_kind_deleted AFTER DELETE ON session_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_kind_inserted AFTER INSERT ON interaction_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_kind_updated AFTER UPDATE ON interaction_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
CREATE TRIGGER interaction_kind_deleted AFTER DELETE ON interaction_kind BEGIN UPDATE archive SET data_version = data_version + 1; END;
