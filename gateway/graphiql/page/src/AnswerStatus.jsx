// A line below the response: its duration and, if the server reports it, its cost.

import { useSyncExternalStore } from 'react';
import { answerStatus } from './fetcher.js';

export function AnswerStatus() {
  const status = useSyncExternalStore(answerStatus.subscribe, answerStatus.latest);
  const parts = status ? partsOf(status) : ['Not run yet'];
  return (
    <p className="answer-status" role="status">
      {parts.join(' · ')}
    </p>
  );
}

function partsOf({ milliseconds, cost = {} }) {
  const counted = cost.counted ?? cost.estimated;
  return [
    `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`,
    counted !== undefined && `cost ${counted}`,
    cost.statements !== undefined && `${cost.statements} ${cost.statements === 1 ? 'statement' : 'statements'}`,
  ].filter(Boolean);
}
