// Where the schema differs from a row: legs, pages, and Twilio's values in capitals.

const cursor = row => `${row.dateCreated}|${row.sid}`

const WORDS = {
  InteractionType: ['message', 'voice', 'unknown'],
  ResourceType: ['message', 'call', 'unknown'],
  ResourceStatus: [
    'accepted', 'answered', 'busy', 'canceled', 'completed', 'deleted', 'delivered', 'delivery-unknown', 'failed',
    'in-progress', 'initiated', 'no-answer', 'queued', 'received', 'receiving', 'ringing', 'scheduled', 'sending',
    'sent', 'undelivered', 'unknown'
  ]
}

const capitals = word => word.toUpperCase().replaceAll('-', '_')

/** A connection's value: the page, and whether there was a row beyond it. */
function page (rows, first) {
  const more = rows.length > first
  if (more) rows.pop()
  return { nodes: rows, more }
}

const connection = {
  edges: ({ nodes }) => nodes.map(node => ({ cursor: cursor(node), node })),
  pageInfo: ({ nodes, more }) => ({
    hasNextPage: more,
    hasPreviousPage: false,
    startCursor: nodes.length ? cursor(nodes[0]) : null,
    endCursor: nodes.length ? cursor(nodes[nodes.length - 1]) : null
  })
}

// Both are written out, so that each reads fixed properties of the row.

function inbound (row) {
  if (!row.inboundParticipantSid && !row.inboundResourceSid) return null
  return {
    participantSid: row.inboundParticipantSid,
    resourceSid: row.inboundResourceSid,
    resourceStatus: row.inboundResourceStatus,
    resourceType: row.inboundResourceType,
    resourceUrl: row.inboundResourceUrl
  }
}

function outbound (row) {
  if (!row.outboundParticipantSid && !row.outboundResourceSid) return null
  return {
    participantSid: row.outboundParticipantSid,
    resourceSid: row.outboundResourceSid,
    resourceStatus: row.outboundResourceStatus,
    resourceType: row.outboundResourceType,
    resourceUrl: row.outboundResourceUrl
  }
}

const enums = of => Object.fromEntries(Object.entries(WORDS).map(([name, words]) => [name, of(words)]))

function serializer (words) {
  const names = new Map(words.map(word => [word, capitals(word)]))
  return { serialize: word => names.get(word) ?? 'UNKNOWN' }
}

module.exports = {
  page,
  resolvers: {
    ServiceConnection: connection,
    SessionConnection: connection,
    InteractionConnection: connection,
    Interaction: { inbound, outbound }
  },
  /** Enums as mercurius is told of them: a serialize for each. */
  serializers: enums(serializer),
  /** Enums as the other libraries are: each name's internal value. */
  enums: enums(words => Object.fromEntries(words.map(word => [capitals(word), word])))
}
