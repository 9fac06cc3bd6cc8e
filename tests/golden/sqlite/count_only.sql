-- keys: 1
SELECT CAST('[' || coalesce(group_concat(json_quote(number)), '') || ']' AS BLOB) FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_date WHERE TRUE
  LIMIT :cap
)) AS number FROM (SELECT value FROM json_each(:parents)) AS parent) AS counted
