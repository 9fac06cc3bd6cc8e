// A session's interactions as the entries of a timeline: days, gaps, and what each side said.

const GAP_MINUTES = 60;
const FAILED = new Set(['FAILED', 'UNDELIVERED', 'BUSY', 'NO_ANSWER', 'CANCELED']);

// The entries in order, each { key, kind } with kind "day" (date), "gap" (minutes) or "said" (side, speaker, and so on).
export function entriesOf({ participants, interactions }) {
  const people = participants.toSorted((one, other) => one.dateCreated.localeCompare(other.dateCreated));
  const entries = [];
  let before = null;
  for (const interaction of interactions) {
    const date = new Date(interaction.dateCreated);
    const minutes = before && Math.round((date - before) / 60_000);
    if (date.toDateString() !== before?.toDateString()) entries.push({ kind: 'day', key: `day ${interaction.sid}`, date });
    else if (minutes >= GAP_MINUTES) entries.push({ kind: 'gap', key: `gap ${interaction.sid}`, minutes });
    entries.push({ kind: 'said', key: interaction.sid, date, ...said(interaction, people) });
    before = date;
  }
  return entries;
}

// The first participant is on the left, whoever else takes part on the right, and the service itself in the middle.
function said({ type, body, durationSeconds, inbound, outbound }, people) {
  const speaker = inbound && (people.find(({ sid }) => sid === inbound.participantSid) ?? { friendlyName: 'Unknown' });
  const isCall = type === 'VOICE';
  return {
    side: speaker ? (speaker === people[0] ? 'left' : 'right') : 'service',
    speaker: speaker ? nameOf(speaker) : 'Service',
    isCall,
    text: isCall ? callText(durationSeconds) : (body ?? 'No text'),
    status: outbound ? statusText(outbound.resourceStatus) : 'not relayed',
    failed: !outbound || FAILED.has(outbound.resourceStatus),
  };
}

export function nameOf({ friendlyName, identifier, sid }) {
  return friendlyName || identifier || sid;
}

export function statusText(status) {
  return (status ?? 'unknown').toLowerCase().replaceAll('_', ' ');
}

function callText(seconds) {
  if (seconds === null) return 'Call';
  const minutes = Math.floor(seconds / 60);
  return `Call of ${minutes ? `${minutes} min ` : ''}${seconds % 60} s`;
}

export function gapText(minutes) {
  const hours = Math.floor(minutes / 60);
  return `${hours} h${minutes % 60 ? ` ${minutes % 60} min` : ''} later`;
}
