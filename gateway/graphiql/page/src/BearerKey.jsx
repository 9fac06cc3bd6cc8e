// The input for the bearer key, which the server may require.

import { useState } from 'react';
import { bearerKey, storeBearerKey } from './bearer.js';

export function BearerKey() {
  const [key, setKey] = useState(bearerKey);

  function store(event) {
    event.preventDefault();
    storeBearerKey(key.trim());
    location.reload(); // Everything that was fetched with the other key, such as the schema, is fetched again.
  }

  return (
    <form className="bearer-key" onSubmit={store} title="Sent as a bearer token. Forgotten when this browser tab is closed.">
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
