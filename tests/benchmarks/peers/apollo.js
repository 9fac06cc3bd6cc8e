// Apollo Server with dataloaders, standalone.

const { ApolloServer } = require('@apollo/server')
const { startStandaloneServer } = require('@apollo/server/standalone')
const { listen } = require('./archive')
const { context, schema } = require('./schema_with_dataloaders')

startStandaloneServer(new ApolloServer({ schema }), { listen, context: async () => context() })
