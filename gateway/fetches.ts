import type { ExecutionResult, GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Caller } from '../platform/subgraph.js';
import { soundErrors } from './executor/answers.js';
import type { OperationRequest } from './executor/execute.js';
import type { SubgraphLink } from './links.js';
import type { StopSignal } from './stopSignal.js';

/**
 * Lets the executor fetch over the links, in the name of the one who asks, until the signal says that nobody waits any more. `mustBeFresh` for what completes an event, or is kept: joined to a fetch that began before
 * the change, it would show what was.
 */
export function fetchOver(
  links: ReadonlyMap<string, SubgraphLink>,
  caller: Caller,
  signal: StopSignal | undefined,
  wish: { readonly mustBeFresh: boolean } | undefined = undefined,
): OperationRequest['fetch'] {
  // A key belongs to the mutation alone. One object for all fetches of the operation: what is made of it for one, a link may use for the next.
  const reader = { ...caller, idempotencyKey: null };
  return (service, request, isMutation) => {
    if (wish?.mustBeFresh) request.mustBeFresh = true;
    const link = links.get(service);
    if (!link) return Promise.reject(new Error(`The plan names subgraph ${service}, to which there is no link.`));
    // A client that leaves does not undo what it began, so a mutation is not aborted.
    return (isMutation ? link.execute(request, caller) : link.execute(request, reader, signal)).then(withOwnFaults);
  };
}

function withOwnFaults(result: ExecutionResult): ExecutionResult {
  return result.errors ? { ...result, errors: soundErrors(result.errors).map(ownFault) as GraphQLError[] } : result;
}

/** Requests that a subgraph does not understand are our fault, not the client's: their codes would mislead. */
function ownFault(error: GraphQLFormattedError): GraphQLFormattedError {
  const code = error.extensions?.code;
  const rejectedDocument = code === 'GRAPHQL_VALIDATION_FAILED' || code === 'GRAPHQL_PARSE_FAILED';
  // A literal of a custom scalar is checked by its subgraph alone, and is the client's own.
  if (!rejectedDocument || error.message.startsWith('Expected value of type')) return error;
  return { message: error.message, path: error.path, extensions: { code: 'INTERNAL_ERROR' } };
}
