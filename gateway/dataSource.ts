import type { GraphQLDataSource } from '@apollo/gateway';
import { GraphQLError, Kind, parse } from 'graphql';
import { Refusal, refusalToGraphQLError } from '../platform/errors.js';
import type { GatewayContext } from './context.js';
import type { SubgraphLink } from './links.js';

/**
 * Lets Apollo's executor fetch over a link. A subgraph that fails costs the client what it was asked for, as errors with a path, and
 * nothing else (GW-31).
 */
export function linkDataSource(link: SubgraphLink): GraphQLDataSource<GatewayContext> {
  return {
    async process({ request, context }) {
      const { query = '', variables, operationName } = request;
      const { caller, deadline } = context as GatewayContext;
      const isMutation = query.startsWith('mutation');
      try {
        // A key belongs to the mutation alone; and a client that leaves does not undo what it began, so a mutation is not aborted.
        const result = isMutation
          ? await link.execute({ query, variables, operationName }, caller)
          : await link.execute({ query, variables, operationName }, { ...caller, idempotencyKey: null }, deadline?.signal);
        return { data: result.data as Record<string, unknown> | null, errors: result.errors?.map(ownFault) };
      } catch (error) {
        return { data: null, errors: failuresOf(query, error) };
      }
    },
  };
}

/** Requests that a subgraph does not understand are our fault, not the client's: their codes would mislead. */
function ownFault(error: GraphQLError): GraphQLError {
  const code = error.extensions?.code;
  const rejectedDocument = code === 'GRAPHQL_VALIDATION_FAILED' || code === 'GRAPHQL_PARSE_FAILED';
  // A literal of a custom scalar is checked by its subgraph alone, and is the client's own.
  if (!rejectedDocument || error.message.startsWith('Expected value of type')) return error;
  return new GraphQLError(error.message, { path: error.path, extensions: { code: 'INTERNAL_ERROR' } });
}

/** One error for each thing that the failed fetch was to answer: the root fields, or the first entity, whose path the executor completes. */
function failuresOf(query: string, cause: unknown): GraphQLError[] {
  const base = cause instanceof Refusal ? refusalToGraphQLError(cause) : new GraphQLError('A subgraph failed.', { originalError: cause as Error });
  const paths = rootNames(query).map((name) => (name === '_entities' ? [name, 0] : [name]));
  return paths.map((path) => new GraphQLError(base.message, { path, extensions: base.extensions, originalError: base.originalError ?? (cause as Error) }));
}

function rootNames(query: string): string[] {
  const operation = parse(query, { noLocation: true }).definitions.find((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  return (operation?.selectionSet.selections ?? []).map((selection) =>
    selection.kind === Kind.FIELD ? (selection.alias?.value ?? selection.name.value) : '__typename',
  );
}
