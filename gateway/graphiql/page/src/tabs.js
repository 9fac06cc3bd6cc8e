// The tabs that the page starts with: those that were open last, or example queries over the archive's data.

import { post } from './fetcher.js';
import conversation from '../queries/Conversation.graphql?raw';
import deleteInteraction from '../queries/DeleteInteraction.graphql?raw';
import latest from '../queries/Latest.graphql?raw';
import liveMessages from '../queries/LiveMessages.graphql?raw';
import pageByPage from '../queries/PageByPage.graphql?raw';
import personExport from '../queries/PersonExport.graphql?raw';
import whatFailed from '../queries/WhatFailed.graphql?raw';
import whoIsThisNumber from '../queries/WhoIsThisNumber.graphql?raw';
import whoSpokeToWhom from '../queries/WhoSpokeToWhom.graphql?raw';

// GraphiQL's key for its tabs in localStorage.
const STORAGE_KEY = 'graphiql:tabState';
const WEEK = 7 * 24 * 3600 * 1000;

// Each query with its variables, some of them by what is known of the archive.
const STARTERS = [
  { query: conversation, variables: ({ session }) => ({ session }) },
  { query: liveMessages, variables: ({ session }) => ({ session, after: null }) },
  { query: whatFailed, variables: ({ from }) => ({ from, after: null }) },
  { query: whoIsThisNumber, variables: ({ number }) => ({ number }) },
  { query: personExport, variables: ({ number }) => ({ number, after: null }) },
  { query: whoSpokeToWhom },
  { query: pageByPage, variables: { first: 10, after: null } },
  { query: deleteInteraction, variables: { sid: '' } },
];
const NOTHING_KNOWN = { session: '', number: '', from: null };

// The tabs, and the active one: GraphiQL doesn't put its variables into the editor by itself.
export async function openTabs() {
  const stored = storedTabs();
  const tabs = stored?.tabs ?? STARTERS.map((starter) => ({ query: starter.query, variables: variablesOf(starter, NOTHING_KNOWN) }));
  const starterOf = new Map(tabs.map((tab) => [tab, STARTERS.find((starter) => isBlank(tab, starter))]));
  const blank = tabs.filter((tab) => starterOf.get(tab));
  const archive = blank.length ? await known() : NOTHING_KNOWN;
  for (const tab of blank) tab.variables = variablesOf(starterOf.get(tab), archive);
  if (stored) localStorage.setItem(STORAGE_KEY, JSON.stringify(stored));
  return { tabs, active: tabs[stored?.activeTabIndex ?? 0] };
}

function variablesOf({ variables }, archive) {
  return variables && JSON.stringify(typeof variables === 'function' ? variables(archive) : variables, null, 2);
}

// Whether nothing was known of the archive when the tab was opened.
function isBlank(tab, starter) {
  return (
    typeof starter.variables === 'function' &&
    tab.query === starter.query &&
    tab.variables === variablesOf(starter, NOTHING_KNOWN)
  );
}

function storedTabs() {
  const stored = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
  return stored.tabs?.[stored.activeTabIndex] && stored;
}

// Of the newest interactions, the Session with the most of them, one of its people, and when their last week began.
async function known() {
  try {
    const { data } = await post({ query: latest });
    const { nodes } = data.interactions;
    const count = (sid) => nodes.filter(({ sessionSid }) => sessionSid === sid).length;
    const { sessionSid, session } = nodes.reduce((most, node) => (count(node.sessionSid) > count(most.sessionSid) ? node : most));
    return {
      session: sessionSid,
      number: session.participants.find(({ identifier }) => identifier)?.identifier ?? '',
      from: new Date(Date.parse(nodes.at(-1).dateCreated) - WEEK).toISOString(),
    };
  } catch {
    return NOTHING_KNOWN; // The archive is empty, or the server requires a key.
  }
}
