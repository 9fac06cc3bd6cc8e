// What a React component of a conversation asks for. relay-compiler turns it into ./__generated__.
//
// In React: useLazyLoadQuery(MessagesQuery), usePaginationFragment(Messages_session), useMutation(…).

const { graphql } = require('relay-runtime');

graphql`
  query MessagesQuery($session: ID!) {
    session(sid: $session) {
      uniqueName
      ...Messages_session
    }
  }
`;

graphql`
  fragment Messages_session on Session
  @refetchable(queryName: "MessagesPaginationQuery")
  @argumentDefinitions(count: { type: "Int", defaultValue: 5 }, cursor: { type: "String" }) {
    interactions(first: $count, after: $cursor) @connection(key: "Messages_interactions") {
      __id
      edges {
        node {
          id
          body
          dateCreated
        }
      }
    }
  }
`;

// Takes the edge out of the lists that are named.
graphql`
  mutation MessagesDeleteEdgeMutation($sid: ID!, $connections: [ID!]!) {
    deleteInteraction(input: { sid: $sid }) {
      deletedInteractionId @deleteEdge(connections: $connections)
      userErrors {
        code
        message
      }
    }
  }
`;

// Takes the record out of the store, and so out of every list.
graphql`
  mutation MessagesDeleteRecordMutation($sid: ID!) {
    deleteInteraction(input: { sid: $sid }) {
      deletedInteractionId @deleteRecord
      userErrors {
        code
        message
      }
    }
  }
`;
