// mercurius with JIT, as its documentation recommends: resolvers over whole rows, and loaders with their cache.

const fastify = require('fastify')
const mercurius = require('mercurius')
const { listen, typeDefs } = require('./archive')
const rows = require('./rows')
const shapes = require('./shapes')

const keys = queries => queries.map(({ obj, params }) => ({ sid: obj.sid, first: params.first }))

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
  Service: { sessions: async queries => rows.sessionsOf(keys(queries)) },
  Session: {
    interactions: async queries => rows.interactionsOf(keys(queries)),
    participants: async queries => rows.participantsOf(queries.map(({ obj }) => obj.sid))
  },
  Leg: { participant: async queries => rows.participants(queries.map(({ obj }) => obj.participantSid)) }
}

const app = fastify({ logger: false })
app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1, graphiql: false })
app.listen(listen)
