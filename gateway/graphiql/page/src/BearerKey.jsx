// The place for the bearer key, which the server asks for where it has been given keys.

import { useState } from 'react';
import { bearerKey, keepBearerKey } from './bearer.js';

export function BearerKey() {
  const [key, setKey] = useState(bearerKey);

  function keep(event) {
    event.preventDefault();
    keepBearerKey(key.trim());
    location.reload(); // What the page asked with the other key, the schema among it, is asked again.
  }

  return (
    <form className="bearer-key" onSubmit={keep} title="Sent as a bearer token. Forgotten when this browser tab is closed.">
      <input
        type="password"
        aria-label="Bearer key"
        placeholder="Bearer key, if needed"
        autoComplete="off"
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      {key !== bearerKey() && <button type="submit">Use</button>}
    </form>
  );
}
