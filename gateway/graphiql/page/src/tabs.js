// What the page opens on: four queries that explain themselves, over the data that is there; or what was left open.

import { ask } from './fetcher.js';
import conversation from '../queries/Conversation.graphql?raw';
import deleteInteraction from '../queries/DeleteInteraction.graphql?raw';
import pageByPage from '../queries/PageByPage.graphql?raw';
import whoSpokeToWhom from '../queries/WhoSpokeToWhom.graphql?raw';

const SOMETHING_SAID = 'query SomethingSaid { interactions(first: 1) { nodes { sessionSid } } }';

// The tabs, and the active one, whose variables GraphiQL doesn't put into its editor by itself.
export async function opened() {
  const left = leftOpen();
  if (left) return { tabs: left.tabs, active: left.tabs[left.activeTabIndex] };
  const tabs = [
    { query: conversation, variables: json({ session: await aSession() }) },
    { query: whoSpokeToWhom },
    { query: pageByPage, variables: json({ first: 10, after: null }) },
    { query: deleteInteraction, variables: json({ sid: '' }) },
  ];
  return { tabs, active: tabs[0] };
}

function leftOpen() {
  const { tabs = [], activeTabIndex = 0 } = JSON.parse(localStorage.getItem('graphiql:tabState') ?? '{}');
  return tabs[activeTabIndex] && { tabs, activeTabIndex };
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
