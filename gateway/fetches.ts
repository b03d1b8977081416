import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { GatewayContext } from './context.js';
import type { OperationRequest } from './executor/execute.js';
import type { SubgraphLink } from './links.js';

/** Lets the executor fetch over the links, in the name of the one who asks. */
export function fetchOver(links: ReadonlyMap<string, SubgraphLink>, { caller, deadline }: GatewayContext): OperationRequest['fetch'] {
  return async (service, request, isMutation) => {
    const link = links.get(service);
    if (!link) throw new Error(`The plan names subgraph ${service}, to which there is no link.`);
    // A key belongs to the mutation alone; and a client that leaves does not undo what it began, so a mutation is not aborted.
    const result = isMutation ? await link.execute(request, caller) : await link.execute(request, { ...caller, idempotencyKey: null }, deadline?.signal);
    return result.errors ? { ...result, errors: result.errors.map(ownFault) as GraphQLError[] } : result;
  };
}

/** Requests that a subgraph does not understand are our fault, not the client's: their codes would mislead. */
function ownFault(error: GraphQLError): GraphQLFormattedError {
  const code = error.extensions?.code;
  const rejectedDocument = code === 'GRAPHQL_VALIDATION_FAILED' || code === 'GRAPHQL_PARSE_FAILED';
  // A literal of a custom scalar is checked by its subgraph alone, and is the client's own.
  if (!rejectedDocument || error.message.startsWith('Expected value of type')) return error;
  return { message: error.message, path: error.path, extensions: { code: 'INTERNAL_ERROR' } };
}
