-- times: 1
-- binds: limit, parent
SELECT CAST('{"oldest":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"newest":' || iif(sid > '', '', 'null') AS BLOB), CAST(',"again":' || iif(sid > '', '', 'null') AS BLOB), CAST('}' AS BLOB), nullif(sid, ''), nullif(sid, ''), nullif(sid, ''), date_created, sid FROM service INDEXED BY service_by_date WHERE TRUE
      ORDER BY date_created ASC, sid ASC LIMIT :limit

-- times: 1
-- binds: limit, parents
SELECT parent.value, (SELECT CAST(group_concat(text_0) AS BLOB) FROM (SELECT json_object('sid', sid) AS text_0 FROM interaction INDEXED BY interaction_by_service WHERE service_sid = parent.value
      ORDER BY date_created ASC, sid ASC LIMIT :limit)) FROM json_each(:parents) AS parent

-- times: 2
-- binds: limit, parent
SELECT CAST(json_object('sid', sid) AS BLOB), date_created, sid FROM interaction INDEXED BY interaction_by_service WHERE service_sid = :parent
      ORDER BY date_created DESC, sid DESC LIMIT :limit

-- times: 1
-- binds: limit, parents
SELECT parent.value, (SELECT CAST(group_concat(text_0) AS BLOB) FROM (SELECT json_object('dateCreated', date_created) AS text_0 FROM interaction INDEXED BY interaction_by_service WHERE service_sid = parent.value
      ORDER BY date_created ASC, sid ASC LIMIT :limit)) FROM json_each(:parents) AS parent
