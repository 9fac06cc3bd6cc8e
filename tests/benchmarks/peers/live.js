// What the peers of the benchmark of subscriptions share: their schema, and publishing at a given rate.

const typeDefs = `
  type Leg { resourceStatus: String }
  type Interaction { body: String, dateCreated: String, inbound: Leg, outbound: Leg }
  type InteractionChange { cursor: String!, kind: String!, sid: ID!, interaction: Interaction }
  type Query { ready: Boolean }
  type Subscription { interactions(session: ID!): InteractionChange! }
`

const sid = (prefix, number) => prefix + number.toString(16).padStart(32, '0')
const TOGETHER = 100

/** Publishes changes by publish(session, change) and answers when each was published, in seconds of the monotonic clock. */
async function published ({ start, number, second, sessions }, publish) {
  const moments = {}
  const begun = performance.now()
  const step = second ? 1 : TOGETHER
  for (let first = start; first < start + number; first += step) {
    const due = second ? begun + (first - start) / second * 1000 - performance.now() : 0
    await new Promise(resolve => due > 0 ? setTimeout(resolve, due) : setImmediate(resolve))
    for (let n = first; n < first + step; n++) {
      moments[sid('KI', n)] = Number(process.hrtime.bigint()) / 1e9
      publish(sid('KC', 1 + n % sessions), {
        cursor: `0.${n}`,
        kind: 'CREATED',
        sid: sid('KI', n),
        interaction: {
          body: `text ${n}`,
          dateCreated: '2026-01-01T00:00:00.000Z',
          inbound: { resourceStatus: 'RECEIVED' },
          outbound: { resourceStatus: 'DELIVERED' }
        }
      })
    }
  }
  return moments
}

const numbers = query => Object.fromEntries(Object.entries(query).map(([name, value]) => [name, Number(value)]))

module.exports = { typeDefs, published, numbers, port: Number(process.argv[2]) }
