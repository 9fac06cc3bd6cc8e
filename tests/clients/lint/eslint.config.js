// The schema as a product: Relay's rules, and a description for everything. Run from the project's root.

import plugin from '@graphql-eslint/eslint-plugin';

// Parts of something else and entries of the change feed, which can't be fetched by themselves.
const PARTS = ['Change', 'InteractionChange', 'LeftOut', 'Leg', 'PageInfo', 'RemainingResource', 'ServiceSync', 'SyncRun', 'SyncStatus'];

const rules = {
  'description-style': ['error', { style: 'block' }],
  'input-name': ['error', { checkInputType: true, caseSensitiveInputType: false }],
  'known-argument-names': 'error',
  'known-directives': 'error',
  'known-type-names': 'error',
  'naming-convention': [
    'error',
    {
      types: 'PascalCase',
      FieldDefinition: 'camelCase',
      InputValueDefinition: 'camelCase',
      Argument: 'camelCase',
      DirectiveDefinition: 'camelCase',
      EnumValueDefinition: 'UPPER_CASE',
    },
  ],
  'no-typename-prefix': 'error',
  'no-unreachable-types': 'error',
  // The change feed is read forwards only; tests/schema/test_schema.py holds both directions for all other lists.
  'relay-arguments': ['error', { includeBoth: false }],
  'relay-connection-types': 'error',
  // A connection has nodes beside its edges, and a change is no Node.
  'relay-edge-types': ['error', { listTypeCanWrapOnlyEdgeType: false, shouldImplementNode: false }],
  'relay-page-info': 'error',
  'require-deprecation-reason': 'error',
  'require-description': [
    'error',
    { types: true, FieldDefinition: true, InputValueDefinition: true, EnumValueDefinition: true, DirectiveDefinition: true },
  ],
  'strict-id-in-types': [
    'error',
    { exceptions: { suffixes: ['Connection', 'Edge', 'Payload', 'Error'], types: PARTS } },
  ],
  'unique-argument-names': 'error',
  'unique-directive-names': 'error',
  'unique-directive-names-per-location': 'error',
  'unique-enum-value-names': 'error',
  'unique-field-definition-names': 'error',
  'unique-operation-types': 'error',
  'unique-type-names': 'error',
};

export default [
  {
    files: ['schema/schema.graphql'],
    languageOptions: { parser: plugin.parser, parserOptions: { graphQLConfig: { schema: './schema/schema.graphql' } } },
    plugins: { '@graphql-eslint': plugin },
    rules: Object.fromEntries(Object.entries(rules).map(([name, setting]) => [`@graphql-eslint/${name}`, setting])),
  },
];
