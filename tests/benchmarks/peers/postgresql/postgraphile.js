// PostGraphile with its own preset, and the schema that it generates of the tables.

const { createServer } = require('node:http')
const { postgraphile } = require('postgraphile')
const { makePgService } = require('postgraphile/adaptors/pg')
const { grafserv } = require('postgraphile/grafserv/node')
const { PostGraphileAmberPreset } = require('postgraphile/presets/amber')

const [, , connectionString, port] = process.argv
const CONNECTIONS = 8

async function main () {
  const serving = postgraphile({
    extends: [PostGraphileAmberPreset],
    pgServices: [makePgService({ connectionString, poolConfig: { max: CONNECTIONS, min: CONNECTIONS } })],
    grafserv: { graphqlPath: '/graphql', graphiql: false, watch: false },
    grafast: { explain: false }
  }).createServ(grafserv)
  const server = createServer()
  await serving.addTo(server)
  server.listen(Number(port), '127.0.0.1')
}

main()
