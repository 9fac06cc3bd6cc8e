// A line below the response of each tab: its duration and, if the server reports it, its cost; or, of a subscription,
// whether it is connected, and how many events came.

import { useGraphiQL } from '@graphiql/react';
import { useEffect, useRef, useState } from 'react';
import { onAnswer } from './fetcher.js';

const CONNECTION_LOST = 'Connection lost, connecting again…';

export function AnswerStatus() {
  const { id, response } = useGraphiQL((state) => state.tabs[state.activeTabIndex]);
  const isFetching = useGraphiQL((state) => state.isFetching);
  const isSubscribed = useGraphiQL((state) => state.subscription !== null);
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
      {isFetching ? textOfRequest(statuses[id]) : textOf(statuses[id], response, isSubscribed)}
    </p>
  );
}

function textOfRequest(status) {
  return status?.isConnected === false ? CONNECTION_LOST : 'Running…';
}

function textOf(status, response, isSubscribed) {
  if (!response) return 'Not run yet';
  // GraphiQL also writes sentences of its own into the response, such as about variables that aren't JSON.
  if (status?.response !== response) return '';
  return (status.received === undefined ? partsOf(status) : partsOfSubscription(status, isSubscribed)).join(' · ');
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

function partsOfSubscription({ received, isConnected }, isSubscribed) {
  const connection = isConnected ? 'Subscribed' : CONNECTION_LOST;
  return [isSubscribed ? connection : 'Stopped', `${received} ${received === 1 ? 'event' : 'events'}`];
}
