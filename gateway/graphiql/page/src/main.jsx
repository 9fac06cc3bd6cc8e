// The page's entry point: GraphiQL with Proxygraph's queries in its tabs, and a line below the response.

import 'graphiql/setup-workers/vite';
// GraphiQL loads the editor only when it is on the screen. Importing it here loads it sooner, with the rest.
import 'monaco-graphql/esm/lite.js';
import 'graphiql/style.css';
import '@graphiql/plugin-explorer/style.css';
import './editors.js';
import './page.css';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { AnswerStatus } from './AnswerStatus.jsx';
import { BearerKey } from './BearerKey.jsx';
import { conversationPlugin } from './Conversation.jsx';
import { LeaveShortcut } from './LeaveShortcut.jsx';
import { PluginPane } from './PluginPane.jsx';
import { SystemTheme } from './SystemTheme.jsx';
import { tablePlugin } from './Table.jsx';
import { send } from './fetcher.js';
import { CopyLink, OpenLink } from './links.jsx';
import { openTabs } from './tabs.js';

const PLUGINS = [HISTORY_PLUGIN, explorerPlugin({ showAttribution: false }), tablePlugin, conversationPlugin];

const { tabs, active } = await openTabs();

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={send}
    plugins={PLUGINS}
    defaultTabs={tabs}
    initialQuery={active.query ?? undefined}
    initialVariables={active.variables ?? undefined}
    defaultEditorToolsVisibility="variables"
    isHeadersEditorEnabled={false}
    shouldPersistHeaders={false}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <h1 className="name">Proxygraph</h1>
    </GraphiQL.Logo>
    <GraphiQL.Toolbar>
      {({ prettify, merge, copy }) => (
        <>
          {prettify}
          {merge}
          {copy}
          <CopyLink />
        </>
      )}
    </GraphiQL.Toolbar>
    <GraphiQL.Footer>
      <AnswerStatus />
      <BearerKey />
    </GraphiQL.Footer>
    <LeaveShortcut />
    <OpenLink />
    <PluginPane />
    <SystemTheme />
  </GraphiQL>,
);
