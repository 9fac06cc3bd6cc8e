// Reads whole rows, as resolvers and loaders do that don't use the selection; many parents in one statement.

const { columns, prepared, selected } = require('./archive')
const { page } = require('./shapes')

const ORDER = 'ORDER BY date_created, sid'
const all = table => selected(columns(table))

function one (table) {
  const statement = prepared(`SELECT ${all(table)} FROM ${table} AS child WHERE sid = ?`)
  return sid => statement.get(sid)
}

function many (table) {
  const statement = prepared(`
    SELECT ${all(table)} FROM json_each(?) AS key CROSS JOIN ${table} AS child ON child.sid = key.value`)
  return sids => {
    const found = new Map(statement.all(JSON.stringify([...new Set(sids)])).map(row => [row.sid, row]))
    return sids.map(sid => found.get(sid) ?? null)
  }
}

function list (table) {
  const statement = prepared(`SELECT ${all(table)} FROM ${table} AS child ${ORDER} LIMIT ?`)
  return first => page(statement.all(first + 1), first)
}

function firstOfEach (table, parent, field) {
  const statement = prepared(`
    SELECT ${all(table)} FROM json_each(?) AS parent CROSS JOIN ${table} AS child
    WHERE child.rowid IN (SELECT rowid FROM ${table} WHERE ${parent} = parent.value ${ORDER} LIMIT ?)
    ORDER BY parent.key, child.date_created, child.sid`)
  return (sids, limit) => {
    const found = new Map(sids.map(sid => [sid, []]))
    for (const row of statement.all(JSON.stringify([...found.keys()]), limit)) found.get(row[field]).push(row)
    return found
  }
}

/** Pages for [{ sid, first }]: one statement for all that want the same first, which nearly always is all. */
function pagesOf (children) {
  return keys => {
    const found = new Map()
    for (const { first } of keys) {
      if (found.has(first)) continue
      found.set(first, children(keys.filter(key => key.first === first).map(key => key.sid), first + 1))
    }
    return keys.map(({ sid, first }) => page(found.get(first).get(sid), first))
  }
}

const participants = firstOfEach('participant', 'session_sid', 'sessionSid')
const EVERY = -1

module.exports = {
  service: one('service'),
  interaction: one('interaction'),
  services: list('service'),
  interactions: list('interaction'),
  sessionsOf: pagesOf(firstOfEach('session', 'service_sid', 'serviceSid')),
  interactionsOf: pagesOf(firstOfEach('interaction', 'session_sid', 'sessionSid')),
  participants: many('participant'),
  participantsOf: sids => {
    const found = participants(sids, EVERY)
    return sids.map(sid => found.get(sid))
  }
}
