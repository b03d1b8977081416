import {
  type DocumentNode,
  getOperationAST,
  getVariableValues,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  specifiedRules,
  validate,
  type ValidationRule,
} from 'graphql';
import { createBoundedCache } from './boundedCache.js';

/** Distinct documents whose checked form is kept. */
const MAX_DOCUMENTS = 1_000;

export interface SocketDocumentOptions {
  schema(): GraphQLSchema;
  validationRules: readonly ValidationRule[];
  maxTokens: number | null;
  introspection: boolean;
}

type CheckedDocument = { schema: GraphQLSchema; document: DocumentNode } | { errors: readonly GraphQLError[] };
export type PreparedDocument = { schema: GraphQLSchema; document: DocumentNode; subscribes: boolean } | { errors: readonly GraphQLError[] };

/** Parses and checks what arrives over WebSocket, which does not pass through Apollo Server, by the same rules. */
export interface SocketDocuments {
  prepare(request: { query: string; operationName?: string | null; variables?: Record<string, unknown> | null }): PreparedDocument;
}

export function createSocketDocuments({ schema, validationRules, maxTokens, introspection }: SocketDocumentOptions): SocketDocuments {
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]), ...validationRules];
  const checked = createBoundedCache<string, CheckedDocument & { against: GraphQLSchema }>(MAX_DOCUMENTS);

  const check = (query: string, against: GraphQLSchema): CheckedDocument => {
    let document: DocumentNode;
    try {
      document = parse(query, maxTokens === null ? {} : { maxTokens });
    } catch (error) {
      return { errors: [coded(error as GraphQLError, 'GRAPHQL_PARSE_FAILED')] };
    }
    const errors = validate(against, document, rules);
    return errors.length > 0 ? { errors: errors.map((error) => coded(error, 'GRAPHQL_VALIDATION_FAILED')) } : { schema: against, document };
  };

  return {
    prepare({ query, operationName, variables }) {
      const against = schema();
      const known = checked.get(query);
      const prepared = known?.against === against ? known : check(query, against);
      if (prepared !== known) checked.set(query, { ...prepared, against });
      if ('errors' in prepared) return prepared;
      const operation = getOperationAST(prepared.document, operationName);
      if (!operation) {
        return {
          errors: [
            new GraphQLError('The document has no operation of that name, or several and none was named.', {
              extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
            }),
          ],
        };
      }
      const coerced = getVariableValues(against, operation.variableDefinitions ?? [], variables ?? {}, { maxErrors: 20 });
      if (coerced.errors) return { errors: coerced.errors.map((error) => coded(error, 'BAD_USER_INPUT')) };
      return { schema: against, document: prepared.document, subscribes: operation.operation === 'subscription' };
    },
  };
}

function coded(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, { nodes: error.nodes, source: error.source, positions: error.positions, extensions: { ...error.extensions, code } });
}
