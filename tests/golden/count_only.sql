-- keys: 1
SELECT CAST(json_group_array((SELECT count(*) FROM interaction WHERE TRUE)) AS BLOB) FROM json_each(:parents) AS parent
