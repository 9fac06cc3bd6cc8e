// The archive for the Node peers: one read-only connection with prepared statements that are reused.

const fs = require('node:fs')
const path = require('node:path')
const Database = require('better-sqlite3')

const [, , file, port] = process.argv

const database = new Database(file, { readonly: true, fileMustExist: true })
for (const pragma of ['mmap_size=1073741824', 'cache_size=-65536', 'temp_store=MEMORY']) database.pragma(pragma)

const statements = new Map()

/** The prepared statement of this SQL. */
function prepared (sql) {
  let statement = statements.get(sql)
  if (!statement) statements.set(sql, statement = database.prepare(sql))
  return statement
}

const camel = column => column.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

module.exports = {
  listen: { host: '127.0.0.1', port: Number(port) },
  typeDefs: fs.readFileSync(path.join(__dirname, 'schema.graphql'), 'utf8'),
  prepared,
  snake: field => field.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`),
  /** Columns under the names that fields have, so that default resolvers find them in the driver's own objects. */
  selected: columns => columns.map(column => `child.${column} AS ${camel(column)}`).join(', '),
  columns: table => database.pragma(`table_info(${table})`).map(column => column.name)
}
