// mercurius' subscriptions over WebSockets, by its in-process pub/sub.

const fastify = require('fastify')
const mercurius = require('mercurius')
const { numbers, port, published, typeDefs } = require('./live')

const resolvers = {
  Subscription: {
    interactions: { subscribe: (_, { session }, { pubsub }) => pubsub.subscribe(session) }
  }
}

const app = fastify({ logger: false })
app.register(mercurius, { schema: typeDefs, resolvers, subscription: true, jit: 1, graphiql: false })
app.get('/publish', request =>
  published(numbers(request.query), (session, change) =>
    app.graphql.pubsub.publish({ topic: session, payload: { interactions: change } })))
app.listen({ host: '127.0.0.1', port })
