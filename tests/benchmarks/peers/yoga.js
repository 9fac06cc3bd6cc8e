// GraphQL Yoga with dataloaders, on Node's own HTTP server.

const { createServer } = require('node:http')
const { createYoga } = require('graphql-yoga')
const { listen } = require('./archive')
const { context, schema } = require('./schema_with_dataloaders')

const yoga = createYoga({ schema, context, graphiql: false, logging: false })
// By default it closes the connections of waiting clients when a slow answer blocks the event loop for five seconds.
createServer({ keepAliveTimeout: 60_000 }, yoga).listen(listen)
