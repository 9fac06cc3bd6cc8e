// What the page opens on: four queries that explain themselves, over the data that is there; or what was left open.

import { ask } from './fetcher.js';
import conversation from '../queries/Conversation.graphql?raw';
import deleteInteraction from '../queries/DeleteInteraction.graphql?raw';
import pageByPage from '../queries/PageByPage.graphql?raw';
import whoSpokeToWhom from '../queries/WhoSpokeToWhom.graphql?raw';

// Where GraphiQL keeps its tabs.
const PLACE = 'graphiql:tabState';
const SOMETHING_SAID = 'query SomethingSaid { interactions(first: 1) { nodes { sessionSid } } }';

const NO_SESSION = json({ session: '' });

// The tabs, and the active one, whose variables GraphiQL doesn't put into its editor by itself.
export async function opened() {
  const left = leftOpen();
  const tabs = left?.tabs ?? [
    { query: conversation, variables: NO_SESSION },
    { query: whoSpokeToWhom },
    { query: pageByPage, variables: json({ first: 10, after: null }) },
    { query: deleteInteraction, variables: json({ sid: '' }) },
  ];
  const blank = tabs.find(({ variables }) => variables === NO_SESSION);
  if (blank) blank.variables = json({ session: await aSession() });
  if (left) localStorage.setItem(PLACE, JSON.stringify(left));
  return { tabs, active: tabs[left?.activeTabIndex ?? 0] };
}

function leftOpen() {
  const left = JSON.parse(localStorage.getItem(PLACE) ?? '{}');
  return left.tabs?.[left.activeTabIndex] && left;
}

async function aSession() {
  try {
    const { data } = await ask({ query: SOMETHING_SAID });
    return data.interactions.nodes[0].sessionSid;
  } catch {
    return ''; // An empty archive, or one that wants a key first.
  }
}

function json(variables) {
  return JSON.stringify(variables, null, 2);
}
