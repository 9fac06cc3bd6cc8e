-- What became of each deletion at Twilio (AtTwilio in store/ledger.py); NULL in entries from before, where it is not known
-- whether Twilio was to delete it. What the sync noted was gone there.

ALTER TABLE deletion ADD COLUMN twilio TEXT;
UPDATE deletion SET twilio = CASE WHEN at_twilio AND erased_at IS NULL THEN 'PENDING' WHEN at_twilio THEN 'DELETED'
  WHEN requested_by = 'sync' THEN 'ALREADY_GONE' END;
