// GraphQL Yoga with dataloaders, on Node's own HTTP server.

const { createServer } = require('node:http')
const { createYoga } = require('graphql-yoga')
const { listen } = require('./archive')
const { context, schema } = require('./schema_with_dataloaders')

const yoga = createYoga({ schema, context, graphiql: false, logging: false })
// Else it hangs up on who asks while one slow answer blocks the loop for five seconds.
createServer({ keepAliveTimeout: 60_000 }, yoga).listen(listen)
