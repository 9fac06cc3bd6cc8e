// What the examples beside this ask for: a conversation by the page, and a deletion.

import { gql } from '@apollo/client';

export const MESSAGES = gql`
  query Messages($session: ID!, $after: String) {
    session(sid: $session) {
      id
      interactions(first: 5, after: $after) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        edges {
          cursor
          node {
            id
            body
          }
        }
      }
    }
  }
`;

// The session in the answer brings the new count into the cache. Without any argument Apollo would take it for
// another list than the one above.
export const DELETE = gql`
  mutation Delete($sid: ID!) {
    deleteInteraction(input: { sid: $sid }) {
      deletedInteractionId
      session {
        id
        interactions(first: 1) {
          totalCount
        }
      }
      userErrors {
        code
        message
      }
    }
  }
`;
