// A line below the response of each tab: its duration and, if the server reports it, its cost.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef, useState } from 'react';
import { onAnswer } from './fetcher.js';

export function AnswerStatus() {
  const { id, response } = useGraphiQL((state) => state.tabs[state.activeTabIndex]);
  const isFetching = useGraphiQL((state) => state.isFetching);
  const [statuses, setStatuses] = useState({});
  const active = useRef(id);

  useEffect(() => {
    active.current = id;
  }, [id]);

  // A change of tabs stops the request, so an answer belongs to the active tab.
  useEffect(() => {
    const keep = ({ answer, ...status }) =>
      setStatuses((before) => ({ ...before, [active.current]: { ...status, response: asShown(answer) } }));
    return onAnswer(keep);
  }, []);

  return (
    <p className="answer-status" role="status">
      {isFetching ? 'Running…' : textOf(statuses[id], response)}
    </p>
  );
}

function textOf(status, response) {
  if (!response) return 'Not run yet';
  // GraphiQL also writes sentences of its own into the response, such as about variables that aren't JSON.
  return status?.response === response ? partsOf(status).join(' · ') : '';
}

// As GraphiQL's response editor shows an answer.
function asShown(answer) {
  return JSON.stringify(answer, null, 2);
}

function partsOf({ milliseconds, cost = {} }) {
  const counted = cost.counted ?? cost.estimated;
  return [
    `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`,
    counted !== undefined && `cost ${counted}`,
    cost.statements !== undefined && `${cost.statements} ${cost.statements === 1 ? 'statement' : 'statements'}`,
  ].filter(Boolean);
}
