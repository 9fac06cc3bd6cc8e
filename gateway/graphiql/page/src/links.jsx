// Links to a query: #query=…&variables=… opens in a tab of its own, and isn't sent before somebody runs it. Browsers
// don't send what is after the #, so no server on the way sees the query.

import { ToolbarButton, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { copied } from './clipboard.js';

const SECONDS_SHOWN = 3;

// Opens the link in the address, also if it comes while the page is open, and removes it from there.
export function OpenLink() {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const { addTab, updateActiveTabValues } = useGraphiQLActions();

  useEffect(() => {
    if (!queryEditor || !variableEditor) return;
    const open = () => {
      const link = new URLSearchParams(location.hash.slice(1));
      const query = link.get('query');
      if (!query) return;
      const variables = link.get('variables') ?? '';
      history.replaceState(null, '', location.pathname + location.search);
      addTab();
      updateActiveTabValues({ query, variables });
      queryEditor.setValue(query);
      variableEditor.setValue(variables);
    };
    open();
    addEventListener('hashchange', open);
    return () => removeEventListener('hashchange', open);
  }, [queryEditor, variableEditor, addTab, updateActiveTabValues]);

  return null;
}

// The button that copies a link to the query and the variables as they are in the editors. If the browser doesn't allow
// that, the link is put into the address.
export function CopyLink() {
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const [outcome, setOutcome] = useState('');

  useEffect(() => {
    const timer = outcome && setTimeout(() => setOutcome(''), SECONDS_SHOWN * 1000);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy() {
    const parameters = { query: queryEditor.getValue() };
    const variables = variableEditor.getValue();
    if (variables.trim()) parameters.variables = variables;
    const link = `#${new URLSearchParams(parameters)}`;
    if (await copied(location.origin + location.pathname + link)) {
      setOutcome('Link copied');
    } else {
      history.replaceState(null, '', link);
      setOutcome('The link is in the address bar');
    }
  }

  return (
    <div className="copy-link">
      <ToolbarButton onClick={copy} label="Copy a link to this query and its variables">
        <LinkIcon />
      </ToolbarButton>
      <span className="link-outcome" role="status">
        {outcome}
      </span>
    </div>
  );
}

function LinkIcon() {
  return (
    <svg
      className="graphiql-toolbar-icon"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeLinecap="round"
      aria-hidden="true"
    >
      <path d="M6.5 9.5a3 3 0 0 0 4.2 0l2.4-2.4a3 3 0 0 0-4.2-4.2l-.9.9M9.5 6.5a3 3 0 0 0-4.2 0L2.9 8.9a3 3 0 0 0 4.2 4.2l.9-.9" />
    </svg>
  );
}
