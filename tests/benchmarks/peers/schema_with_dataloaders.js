// The schema with resolvers over dataloaders, one set of loaders for each request, as is usual with Apollo Server and Yoga.

const { makeExecutableSchema } = require('@graphql-tools/schema')
const DataLoader = require('dataloader')
const { typeDefs } = require('./archive')
const rows = require('./rows')
const shapes = require('./shapes')

const cacheKeyFn = ({ sid, first }) => `${sid} ${first}`

exports.context = () => ({
  sessions: new DataLoader(async keys => rows.sessionsOf(keys), { cacheKeyFn }),
  interactions: new DataLoader(async keys => rows.interactionsOf(keys), { cacheKeyFn }),
  participantsOf: new DataLoader(async sids => rows.participantsOf(sids)),
  participants: new DataLoader(async sids => rows.participants(sids))
})

exports.schema = makeExecutableSchema({
  typeDefs,
  resolvers: {
    Query: {
      service: (_, { sid }) => rows.service(sid),
      services: (_, { first }) => rows.services(first),
      interaction: (_, { sid }) => rows.interaction(sid),
      interactions: (_, { first }) => rows.interactions(first)
    },
    Service: { sessions: ({ sid }, { first }, context) => context.sessions.load({ sid, first }) },
    Session: {
      interactions: ({ sid }, { first }, context) => context.interactions.load({ sid, first }),
      participants: ({ sid }, _, context) => context.participantsOf.load(sid)
    },
    Leg: { participant: ({ participantSid: sid }, _, context) => sid ? context.participants.load(sid) : null },
    ...shapes.resolvers,
    ...shapes.enums
  }
})
