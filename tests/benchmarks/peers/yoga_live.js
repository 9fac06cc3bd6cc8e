// GraphQL Yoga's subscriptions over server-sent events, by its in-process pub/sub.

const { createServer } = require('node:http')
const { createPubSub, createSchema, createYoga } = require('graphql-yoga')
const { numbers, port, published, typeDefs } = require('./live')

const pubSub = createPubSub()
const resolvers = {
  Subscription: {
    interactions: { subscribe: (_, { session }) => pubSub.subscribe(session), resolve: change => change }
  }
}
const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), graphiql: false, logging: false })

createServer(async (request, response) => {
  const url = new URL(request.url, 'http://a')
  if (url.pathname !== '/publish') return yoga(request, response)
  const moments = await published(numbers(Object.fromEntries(url.searchParams)), (session, change) => pubSub.publish(session, change))
  response.end(JSON.stringify(moments))
}).listen({ host: '127.0.0.1', port })
