// GraphQL Yoga with dataloaders, on Node's own HTTP server.

const { createServer } = require('node:http')
const { createYoga } = require('graphql-yoga')
const { listen } = require('./archive')
const { context, schema } = require('./schema_with_dataloaders')

createServer(createYoga({ schema, context, graphiql: false, logging: false })).listen(listen)
