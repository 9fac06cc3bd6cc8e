// mercurius with JIT, tuned by hand: only the selected columns, one prepared statement for each parent, loaders without cache.

const fastify = require('fastify')
const mercurius = require('mercurius')
const { listen, prepared, selected, snake, typeDefs } = require('./archive')
const { page, resolvers: shaped, serializers } = require('./shapes')

const LEGS = ['inbound', 'outbound']
const NO_COLUMNS = new Set(['sessions', 'interactions', 'participants', 'participant', '__typename'])
const ORDER = 'ORDER BY date_created, sid'

/** The fields that are selected, fragments and all, as [name, field node]. */
function * fields (selectionSet, info) {
  for (const selection of selectionSet.selections) {
    if (selection.kind === 'Field') yield [selection.name.value, selection]
    else yield * fields((selection.name ? info.fragments[selection.name.value] : selection).selectionSet, info)
  }
}

/** Where the rows of this field are selected: in itself, or in a connection's nodes and edges. */
function * rowSelections (node, info, connection) {
  if (!connection) yield node.selectionSet
  else {
    for (const [name, field] of fields(node.selectionSet, info)) {
      if (name === 'nodes') yield field.selectionSet
      if (name === 'edges') {
        for (const [of, edge] of fields(field.selectionSet, info)) if (of === 'node') yield edge.selectionSet
      }
    }
  }
}

function columnsOf (info, connection) {
  const columns = new Set(connection ? ['sid', 'date_created'] : ['sid'])
  for (const selectionSet of info.fieldNodes.flatMap(node => [...rowSelections(node, info, connection)])) {
    for (const [name, field] of fields(selectionSet, info)) {
      if (LEGS.includes(name)) {
        for (const always of ['participant_sid', 'resource_sid']) columns.add(`${name}_${always}`)
        for (const [of] of fields(field.selectionSet, info)) if (!NO_COLUMNS.has(of)) columns.add(`${name}_${snake(of)}`)
      } else if (!NO_COLUMNS.has(name)) columns.add(snake(name))
    }
  }
  return selected([...columns])
}

/** A statement for each place in a document that selects rows, worked out the first time and kept with the place. */
function statementFor (sql, connection) {
  const known = new WeakMap()
  return info => {
    const node = info.fieldNodes[0]
    let statement = known.get(node)
    if (!statement) known.set(node, statement = prepared(sql(columnsOf(info, connection))))
    return statement
  }
}

function one (table) {
  const statement = statementFor(columns => `SELECT ${columns} FROM ${table} AS child WHERE sid = ?`, false)
  return (_, { sid }, context, info) => statement(info).get(sid)
}

function list (table) {
  const statement = statementFor(columns => `SELECT ${columns} FROM ${table} AS child ${ORDER} LIMIT ?`, true)
  return (_, { first }, context, info) => page(statement(info).all(first + 1), first)
}

function children (table, parent) {
  const sql = columns => `SELECT ${columns} FROM ${table} AS child WHERE ${parent} = ? ${ORDER} LIMIT ?`
  const statement = statementFor(sql, true)
  return {
    loader: async queries =>
      queries.map(({ obj, params: { first }, info }) => page(statement(info).all(obj.sid, first + 1), first)),
    opts: { cache: false }
  }
}

function participants (key, sql, read) {
  const statement = statementFor(columns => `SELECT ${columns} FROM participant AS child WHERE ${sql}`, false)
  return {
    loader: async queries => queries.map(({ obj, info }) => read(statement(info), obj[key])),
    opts: { cache: false }
  }
}

const resolvers = {
  Query: {
    service: one('service'),
    services: list('service'),
    interaction: one('interaction'),
    interactions: list('interaction')
  },
  ...shaped,
  ...serializers
}

const loaders = {
  Service: { sessions: children('session', 'service_sid') },
  Session: {
    interactions: children('interaction', 'session_sid'),
    participants: participants('sid', `session_sid = ? ${ORDER}`, (statement, sid) => statement.all(sid))
  },
  Leg: { participant: participants('participantSid', 'sid = ?', (statement, sid) => statement.get(sid) ?? null) }
}

const app = fastify({ logger: false })
app.register(mercurius, { schema: typeDefs, resolvers, loaders, jit: 1, graphiql: false })
app.listen(listen)
