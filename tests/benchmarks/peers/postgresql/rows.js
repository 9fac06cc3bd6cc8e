// Reads whole rows from PostgreSQL through pg's pool, with prepared statements; many parents in one statement.

const { Pool } = require('pg')
const { page } = require('../shapes')

const [, , connectionString, port] = process.argv
const CONNECTIONS = 8
const ORDER = 'ORDER BY date_created, sid'

const pool = new Pool({ connectionString, max: CONNECTIONS, min: CONNECTIONS })
const camel = column => column.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase())

/** The rows of a statement, which pg prepares once on each connection, by its name. */
const all = async (name, text, values) => (await pool.query({ name, text, values })).rows

/** Columns under the names that fields have, so that default resolvers find them in the driver's own objects. */
async function selected (table) {
  const { fields } = await pool.query(`SELECT * FROM ${table} LIMIT 0`)
  return fields.map(({ name }) => `child.${name} AS "${camel(name)}"`).join(', ')
}

const one = (table, columns) => async sid =>
  (await all(`one ${table}`, `SELECT ${columns} FROM ${table} AS child WHERE sid = $1`, [sid]))[0] ?? null

const list = (table, columns) => async first =>
  page(await all(`list ${table}`, `SELECT ${columns} FROM ${table} AS child ${ORDER} LIMIT $1`, [first + 1]), first)

function firstOfEach (table, columns, parent, field) {
  const text = `
    SELECT ${columns} FROM unnest($1::text[]) WITH ORDINALITY AS parent (sid, place)
    CROSS JOIN LATERAL (SELECT * FROM ${table} WHERE ${parent} = parent.sid ${ORDER} LIMIT $2) AS child
    ORDER BY parent.place, child.date_created, child.sid`
  return async (sids, limit) => {
    const found = new Map(sids.map(sid => [sid, []]))
    for (const row of await all(`first ${table}`, text, [[...found.keys()], limit])) found.get(row[field]).push(row)
    return found
  }
}

/** Pages for [{ sid, first }]: one statement for all that want the same first, which nearly always is all. */
function pagesOf (children) {
  return async keys => {
    const found = new Map()
    for (const { first } of keys) {
      if (found.has(first)) continue
      found.set(first, await children(keys.filter(key => key.first === first).map(key => key.sid), first + 1))
    }
    return keys.map(({ sid, first }) => page(found.get(first).get(sid), first))
  }
}

async function opened () {
  const [services, sessions, interactions] = await Promise.all(['service', 'session', 'interaction'].map(selected))
  return {
    service: one('service', services),
    interaction: one('interaction', interactions),
    services: list('service', services),
    interactions: list('interaction', interactions),
    sessionsOf: pagesOf(firstOfEach('session', sessions, 'service_sid', 'serviceSid')),
    interactionsOf: pagesOf(firstOfEach('interaction', interactions, 'session_sid', 'sessionSid'))
  }
}

module.exports = { listen: { host: '127.0.0.1', port: Number(port) }, opened }
