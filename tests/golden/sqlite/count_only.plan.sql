-- times: 1
-- binds: cap, parent
SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_date WHERE TRUE
  LIMIT :cap
))
