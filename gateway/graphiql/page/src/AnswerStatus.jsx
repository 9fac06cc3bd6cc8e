// One quiet line under the answer: how long it took, and what it cost where the server says so.

import { useSyncExternalStore } from 'react';
import { answerStatus } from './fetcher.js';

export function AnswerStatus() {
  const status = useSyncExternalStore(answerStatus.subscribe, answerStatus.latest);
  const parts = status ? told(status) : ['Not run yet'];
  return (
    <p className="answer-status" role="status">
      {parts.join(' · ')}
    </p>
  );
}

function told({ milliseconds, cost = {} }) {
  const counted = cost.counted ?? cost.estimated;
  return [
    `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`,
    counted !== undefined && `cost ${counted}`,
    cost.statements !== undefined && `${cost.statements} ${cost.statements === 1 ? 'statement' : 'statements'}`,
  ].filter(Boolean);
}
