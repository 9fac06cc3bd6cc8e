// The tabs that the page starts with: those that were open last, or four example queries over the archive's data.

import { post } from './fetcher.js';
import conversation from '../queries/Conversation.graphql?raw';
import deleteInteraction from '../queries/DeleteInteraction.graphql?raw';
import pageByPage from '../queries/PageByPage.graphql?raw';
import whoSpokeToWhom from '../queries/WhoSpokeToWhom.graphql?raw';

// GraphiQL's key for its tabs in localStorage.
const STORAGE_KEY = 'graphiql:tabState';
const FIND_SESSION = 'query FindSession { interactions(first: 1) { nodes { sessionSid } } }';

const NO_SESSION = json({ session: '' });

// The tabs, and the active one: GraphiQL doesn't put its variables into the editor by itself.
export async function openTabs() {
  const stored = storedTabs();
  const tabs = stored?.tabs ?? [
    { query: conversation, variables: NO_SESSION },
    { query: whoSpokeToWhom },
    { query: pageByPage, variables: json({ first: 10, after: null }) },
    { query: deleteInteraction, variables: json({ sid: '' }) },
  ];
  const blank = tabs.find(({ variables }) => variables === NO_SESSION);
  if (blank) blank.variables = json({ session: await aSession() });
  if (stored) localStorage.setItem(STORAGE_KEY, JSON.stringify(stored));
  return { tabs, active: tabs[stored?.activeTabIndex ?? 0] };
}

function storedTabs() {
  const stored = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
  return stored.tabs?.[stored.activeTabIndex] && stored;
}

async function aSession() {
  try {
    const { data } = await post({ query: FIND_SESSION });
    return data.interactions.nodes[0].sessionSid;
  } catch {
    return ''; // The archive is empty, or the server requires a key.
  }
}

function json(variables) {
  return JSON.stringify(variables, null, 2);
}
