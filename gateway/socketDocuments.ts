import {
  type DocumentNode,
  getOperationAST,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  type OperationDefinitionNode,
  parse,
  specifiedRules,
  validate,
  type ValidationRule,
} from 'graphql';
import { variableValues } from '../platform/variableValues.js';
import { createBoundedCache } from './boundedCache.js';
import { documentBytes, textBytes } from './executor/documentBytes.js';

/** Distinct documents whose checked form is kept, and bytes of them all: 1,000 texts of a body's size each would be a gigabyte. */
const MAX_DOCUMENTS = 1_000;
const MAX_DOCUMENT_BYTES = 32 * 1024 * 1024;
/** Bytes that one error of a document that is not valid takes, about. */
const ERROR_BYTES = 2_000;

export interface SocketDocumentOptions {
  schema(): GraphQLSchema;
  validationRules: readonly ValidationRule[];
  maxTokens: number | null;
  introspection: boolean;
  /** QUERY_TOO_COMPLEX for an operation that may cost too much with these variables; null when it may not. */
  overCost?(document: DocumentNode, operation: OperationDefinitionNode, variables: Readonly<Record<string, unknown>>): GraphQLError | null;
}

type CheckedDocument = { schema: GraphQLSchema; document: DocumentNode } | { errors: readonly GraphQLError[] };
export type PreparedDocument =
  | { schema: GraphQLSchema; document: DocumentNode; operation: OperationDefinitionNode; subscribes: boolean }
  | { errors: readonly GraphQLError[] };

/** Parses and checks what arrives over WebSocket, which does not pass through Apollo Server, by the same rules. */
export interface SocketDocuments {
  /** The document of a valid text, as `prepare` will give it; null for one that is not valid. */
  documentOf(query: string): DocumentNode | null;
  prepare(request: { query: string; operationName?: string | null; variables?: Record<string, unknown> | null }): PreparedDocument;
}

export function createSocketDocuments({ schema, validationRules, maxTokens, introspection, overCost }: SocketDocumentOptions): SocketDocuments {
  const rules = [...specifiedRules, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule]), ...validationRules];
  const checked = createBoundedCache<string, CheckedDocument & { against: GraphQLSchema }>(MAX_DOCUMENTS, { limit: MAX_DOCUMENT_BYTES, of: bytesOf });

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

  const checkOnce = (query: string, against: GraphQLSchema): CheckedDocument => {
    const known = checked.get(query);
    if (known?.against === against) return known;
    const fresh = { ...check(query, against), against };
    checked.set(query, fresh);
    return fresh;
  };

  return {
    documentOf(query) {
      const result = checkOnce(query, schema());
      return 'errors' in result ? null : result.document;
    },
    prepare({ query, operationName, variables }) {
      const against = schema();
      const prepared = checkOnce(query, against);
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
      const coerced = variableValues(against, operation.variableDefinitions ?? [], variables ?? {});
      if (coerced.errors) return { errors: coerced.errors.map((error) => coded(error, 'BAD_USER_INPUT')) };
      const tooMuch = overCost?.(prepared.document, operation, coerced.coerced ?? {});
      if (tooMuch) return { errors: [tooMuch] };
      return { schema: against, document: prepared.document, operation, subscribes: operation.operation === 'subscription' };
    },
  };
}

/** An error holds the whole document that it was found in. */
function bytesOf(query: string, checked: CheckedDocument): number {
  if ('document' in checked) return textBytes(query) + documentBytes(checked.document);
  const [node] = checked.errors.flatMap(({ nodes }) => nodes ?? []);
  return textBytes(query) * 2 + checked.errors.length * ERROR_BYTES + (node?.loc ? documentBytes(node) : 0);
}

function coded(error: GraphQLError, code: string): GraphQLError {
  return new GraphQLError(error.message, { nodes: error.nodes, source: error.source, positions: error.positions, extensions: { ...error.extensions, code } });
}
