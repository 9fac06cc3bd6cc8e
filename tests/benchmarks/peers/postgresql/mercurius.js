// mercurius with JIT over pg, as their documentations recommend: resolvers over whole rows, and loaders.

const fs = require('node:fs')
const path = require('node:path')
const fastify = require('fastify')
const mercurius = require('mercurius')
const { listen, opened } = require('./rows')
const shapes = require('../shapes')

const schema = fs.readFileSync(path.join(__dirname, '..', 'schema.graphql'), 'utf8')
const keys = queries => queries.map(({ obj, params }) => ({ sid: obj.sid, first: params.first }))

async function main () {
  const rows = await opened()
  const resolvers = {
    Query: {
      service: (_, { sid }) => rows.service(sid),
      services: (_, { first }) => rows.services(first),
      interaction: (_, { sid }) => rows.interaction(sid),
      interactions: (_, { first }) => rows.interactions(first)
    },
    ...shapes.resolvers,
    ...shapes.serializers
  }
  const loaders = {
    Service: { sessions: queries => rows.sessionsOf(keys(queries)) },
    Session: { interactions: queries => rows.interactionsOf(keys(queries)) }
  }
  const app = fastify({ logger: false })
  app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false })
  await app.listen(listen)
}

main()
