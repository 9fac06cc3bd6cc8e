// The place for the bearer key, which the server asks for where it has been given keys.

import { useGraphiQLActions } from '@graphiql/react';
import { useState } from 'react';
import { bearerKey, keepBearerKey } from './bearer.js';

export function BearerKey() {
  const { introspect } = useGraphiQLActions();
  const [key, setKey] = useState(bearerKey);
  const [kept, setKept] = useState(key);

  function keep(event) {
    event.preventDefault();
    keepBearerKey(key.trim());
    setKept(key);
    introspect();
  }

  return (
    <form className="bearer-key" onSubmit={keep} title="Sent as a bearer token. Forgotten when this browser tab is closed.">
      <input
        type="password"
        aria-label="Bearer key"
        placeholder="Bearer key, if one is needed"
        autoComplete="off"
        value={key}
        onChange={(event) => setKey(event.target.value)}
      />
      {key !== kept && <button type="submit">Use</button>}
    </form>
  );
}
