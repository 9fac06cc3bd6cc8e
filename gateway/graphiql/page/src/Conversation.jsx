// A pane that shows a session as a timeline of bubbles, one side for each person, and follows it.

import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { readSession } from './session.js';
import { entriesOf, gapText, nameOf, statusText } from './timeline.js';
import timeline from '../queries/Timeline.graphql?raw';
import './conversation.css';

export const conversationPlugin = { title: 'Conversation', icon: ConversationIcon, content: Conversation };

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

function Conversation() {
  const variables = useGraphiQL((state) => state.tabs[state.activeTabIndex].variables);
  const [sid, setSid] = useState(() => sessionIn(variables));
  const [shown, setShown] = useState(sid);
  const { session, problem, isLoading, more, reload } = useSession(shown);

  function show(event) {
    event.preventDefault();
    if (sid.trim() === shown) reload();
    else setShown(sid.trim());
  }

  return (
    <div className="conversation">
      <h2 className="conversation-title">Conversation</h2>
      <form onSubmit={show}>
        <label>
          Session{' '}
          <input value={sid} placeholder="KC…" spellCheck={false} onChange={(event) => setSid(event.target.value)} />
        </label>
        <button type="submit">Show</button>
        <OpenQuery session={shown} />
      </form>
      <p role="status">{isLoading ? 'Loading…' : (problem ?? (session ? summary(session) : 'Fill in the SID of a session.'))}</p>
      {session && (
        <>
          <People participants={session.participants} />
          <Timeline session={session} />
          {session.pageInfo.hasNextPage && (
            <button type="button" onClick={more} disabled={isLoading}>
              Show the next ones
            </button>
          )}
        </>
      )}
    </div>
  );
}

// The session in the variables of the tab, as in the tab "Conversation".
function sessionIn(variables) {
  try {
    const { session } = JSON.parse(variables);
    return typeof session === 'string' ? session : '';
  } catch {
    return '';
  }
}

// What the archive has of the session; read again whenever it changes.
function useSession(sid) {
  const [state, setState] = useState({});
  const [version, setVersion] = useState(0);
  const reader = useRef(null);

  useEffect(() => {
    setState({});
    if (!sid) return;
    reader.current = readSession(sid, setState);
    return () => reader.current.stop();
  }, [sid, version]);

  return { ...state, reload: () => setVersion((before) => before + 1), more: () => reader.current.more() };
}

function summary({ uniqueName, service, status, interactions, totalCount }) {
  const count = interactions.length === totalCount ? totalCount : `the first ${interactions.length} of ${totalCount}`;
  const name = [service.uniqueName, uniqueName].filter(Boolean).join(' · ');
  return `${name}: ${statusText(status)}, ${count} ${totalCount === 1 ? 'interaction' : 'interactions'}. Times are in ${ZONE}.`;
}

function People({ participants }) {
  return (
    <ul className="conversation-people" aria-label="People">
      {participants.map((participant) => (
        <li key={participant.sid}>
          {nameOf(participant)}
          {participant.friendlyName && participant.identifier && ` ${participant.identifier}`}
          {participant.dateDeleted && ' (removed)'}
        </li>
      ))}
    </ul>
  );
}

function Timeline({ session }) {
  const entries = useMemo(() => entriesOf(session), [session]);
  const element = useRef(null);
  const isAtEnd = useRef(false);

  // Whoever reads the last entry sees the next one too.
  useLayoutEffect(() => {
    if (isAtEnd.current) element.current.scrollTop = element.current.scrollHeight;
  }, [entries]);

  function note({ currentTarget: { scrollTop, clientHeight, scrollHeight } }) {
    isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
  }

  return (
    <div ref={element} className="conversation-timeline" role="region" aria-label="Timeline" tabIndex={0} onScroll={note}>
      <ol>
        {entries.map((entry) => (
          <Entry key={entry.key} entry={entry} />
        ))}
      </ol>
      {entries.length === 0 && <p>Nothing was said in this session.</p>}
    </div>
  );
}

function Entry({ entry }) {
  if (entry.kind === 'day') return <li className="conversation-break">{DAY.format(entry.date)}</li>;
  if (entry.kind === 'gap') return <li className="conversation-break">{gapText(entry.minutes)}</li>;
  const { side, speaker, text, isCall, date, status, failed } = entry;
  return (
    <li className={`conversation-bubble ${side}`}>
      <span className="conversation-speaker">{speaker}</span>
      <p className={isCall ? 'conversation-call' : undefined}>{text}</p>
      <span className={failed ? 'conversation-failed' : undefined}>
        <time dateTime={date.toISOString()}>{TIME.format(date)}</time> · {status}
      </span>
    </li>
  );
}

function OpenQuery({ session }) {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const { addTab, updateActiveTabValues } = useGraphiQLActions();

  function open() {
    const variables = JSON.stringify({ session, after: null }, null, 2);
    addTab();
    updateActiveTabValues({ query: timeline, variables });
    queryEditor.setValue(timeline);
    variableEditor.setValue(variables);
  }

  return (
    <button type="button" onClick={open}>
      Open its query
    </button>
  );
}

function ConversationIcon() {
  return (
    <svg viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" aria-hidden="true">
      <path d="M2.5 3.5h10v7h-6l-4 3.5zM15 7.5h2.5v9.5l-3.5-3H8.5v-1" />
    </svg>
  );
}
