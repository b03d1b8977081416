import type { CodegenConfig } from '@graphql-codegen/cli';

// The typed client of sdk/, from the composed schema and the saved operations. `npm run codegen`; `npm run check` refuses a stale one.
const config: CodegenConfig = {
  schema: 'schema/api.graphql',
  documents: 'schema/operations/*.graphql',
  generates: {
    'sdk/generated/operations.ts': {
      plugins: ['typescript', 'typescript-operations', 'typescript-generic-sdk'],
      config: {
        documentMode: 'string',
        rawRequest: false,
        enumsAsTypes: true,
        skipTypename: true,
        useTypeImports: true,
        strictScalars: true,
        scalars: { DateTime: 'string', Date: 'string', Decimal: 'string' },
      },
    },
  },
  hooks: { afterAllFileWrite: [] },
};

export default config;
