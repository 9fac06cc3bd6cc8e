-- times: 1
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE TRUE
  LIMIT CAST(:cap AS bigint)
) AS children)
