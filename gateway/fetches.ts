import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { soundErrors } from './executor/answers.js';
import type { OperationRequest } from './executor/execute.js';
import type { SubgraphLink } from './links.js';

/**
 * Lets the executor fetch over the links, in the name of the one who asks, until the signal says that nobody waits any more. `mustBeFresh` for what completes an event, or is kept: joined to a fetch that began before
 * the change, it would show what was.
 */
export function fetchOver(
  links: ReadonlyMap<string, SubgraphLink>,
  caller: Caller,
  signal: AbortSignal | undefined,
  wish: { readonly mustBeFresh: boolean } | undefined = undefined,
): OperationRequest['fetch'] {
  return async (service, request, isMutation) => {
    if (wish?.mustBeFresh) request.mustBeFresh = true;
    const link = links.get(service);
    if (!link) throw new Error(`The plan names subgraph ${service}, to which there is no link.`);
    // A key belongs to the mutation alone; and a client that leaves does not undo what it began, so a mutation is not aborted.
    const result = isMutation ? await link.execute(request, caller) : await link.execute(request, { ...caller, idempotencyKey: null }, signal);
    return result.errors ? { ...result, errors: soundErrors(result.errors).map(ownFault) as GraphQLError[] } : result;
  };
}

/** Requests that a subgraph does not understand are our fault, not the client's: their codes would mislead. */
function ownFault(error: GraphQLFormattedError): GraphQLFormattedError {
  const code = error.extensions?.code;
  const rejectedDocument = code === 'GRAPHQL_VALIDATION_FAILED' || code === 'GRAPHQL_PARSE_FAILED';
  // A literal of a custom scalar is checked by its subgraph alone, and is the client's own.
  if (!rejectedDocument || error.message.startsWith('Expected value of type')) return error;
  return { message: error.message, path: error.path, extensions: { code: 'INTERNAL_ERROR' } };
}
