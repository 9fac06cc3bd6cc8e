// Two fixes for the pane beside the editors: a page of the docs starts at its top, and no plugin takes the focus.

import { useDocExplorer } from '@graphiql/plugin-doc-explorer';
import { useGraphiQL } from '@graphiql/react';
import { useEffect } from 'react';

export function PluginPane() {
  const visiblePlugin = useGraphiQL((state) => state.visiblePlugin);
  const page = useDocExplorer();

  useEffect(() => {
    pane()?.scrollTo(0, 0);
  }, [page]);

  // The explorer focuses one of its inputs, which opens the keyboard on a phone.
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    document.addEventListener('focusin', ({ target }) => pane()?.contains(target) && target.blur(), { signal });
    document.addEventListener('keydown', () => stop.abort(), { signal, capture: true });
    document.addEventListener('pointerdown', () => stop.abort(), { signal, capture: true });
    return () => stop.abort();
  }, [visiblePlugin]);

  return null;
}

function pane() {
  return document.querySelector('.graphiql-plugin');
}
