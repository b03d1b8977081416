import type { CodegenConfig } from '@graphql-codegen/cli';

// The typed client of sdk/, from the composed schema and the saved operations. `npm run codegen`; `npm run check` refuses a stale one.
const config: CodegenConfig = {
  schema: 'schema/api.graphql',
  documents: 'schema/operations/*.graphql',
  generates: {
    'sdk/generated/operations.ts': {
      plugins: [{ add: { content: "import { TypedDocumentString } from '../document.js';" } }, 'typescript-operations', 'typescript-generic-sdk'],
      config: {
        documentMode: 'string',
        rawRequest: false,
        enumsAsTypes: true,
        skipTypename: true,
        useTypeImports: true,
        strictScalars: true,
        scalars: { ID: 'string', DateTime: 'string', Date: 'string', Decimal: 'string' },
      },
    },
  },
};

export default config;
