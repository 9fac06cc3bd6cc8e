-- keys: 1
SELECT CAST(json_group_array((SELECT count(*) FROM (
  SELECT 1 FROM interaction INDEXED BY interaction_by_date WHERE TRUE
  LIMIT :cap
))) AS BLOB) FROM json_each(:parents) AS parent
