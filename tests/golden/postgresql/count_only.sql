-- keys: 1
SELECT convert_to('[' || coalesce(string_agg(coalesce(CAST(to_json(number) AS text), 'null'), ','), '') || ']', 'UTF8') FROM (SELECT (SELECT count(*) FROM (
  SELECT 1 FROM interaction WHERE TRUE
  LIMIT CAST(:cap AS bigint)
) AS children) AS number FROM (SELECT value FROM json_array_elements_text(CAST(:parents AS json)) AS element (value)) AS parent) AS counted
