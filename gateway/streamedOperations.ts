import { type DocumentNode, type ExecutionResult, GraphQLError } from 'graphql';
import { Refusal, refusalToGraphQLError } from '../platform/errors.js';
import type { Caller } from '../platform/subgraph.js';
import { Deadline, REQUEST_TIMEOUT_MS } from './deadline.js';
import type { Engine } from './engine.js';
import type { Subscriber } from './subscriptions.js';

/** An operation that came over a WebSocket or wants an event stream; checked, by the same rules as over HTTP. */
export interface StreamedOperation {
  caller: Caller;
  /** The document as the client wrote it. */
  source: string;
  document: DocumentNode;
  operationName: string | null | undefined;
  variables: Record<string, unknown>;
  /** Aborted when the client has gone: nobody will read the answer. */
  left: AbortSignal;
}

/** Runs a query or mutation as HTTP would, with the same plugins, limits and caches. */
export async function execute({ apollo }: Engine, { source, caller, variables, operationName, left }: StreamedOperation): Promise<ExecutionResult> {
  const deadline = new Deadline(REQUEST_TIMEOUT_MS);
  left.addEventListener('abort', deadline.abandon, { once: true });
  try {
    const request = { query: source, variables, operationName: operationName ?? undefined };
    const { body } = await Promise.race([apollo.executeOperation(request, { contextValue: { caller, deadline } }), deadline.expired]);
    if (body.kind === 'single') return body.singleResult as ExecutionResult;
    throw new Error('Incremental delivery is not supported over a stream.');
  } catch (error) {
    return { errors: [thrownToGraphQLError(error)] };
  } finally {
    deadline.clear();
    left.removeEventListener('abort', deadline.abandon);
  }
}

/**
 * The same as a stream of one result, for a transport whose clients may give up a single operation: whoever leaves the stream before the result is
 * there ends what is being fetched for it (EN-06). A mutation goes on to its end.
 */
export function executeAsStream(engine: Engine, operation: StreamedOperation): AsyncGenerator<ExecutionResult, undefined> {
  const own = new AbortController();
  const leave = () => own.abort();
  if (operation.left.aborted) leave();
  operation.left.addEventListener('abort', leave, { once: true });
  const end = { value: undefined, done: true } as const;
  let result: Promise<ExecutionResult> | null = null;
  const generator: AsyncGenerator<ExecutionResult, undefined> = {
    async next() {
      if (result || own.signal.aborted) return end;
      result = execute(engine, { ...operation, left: own.signal });
      try {
        const value = await result;
        return own.signal.aborted ? end : { value, done: false };
      } finally {
        operation.left.removeEventListener('abort', leave);
      }
    },
    async return() {
      operation.left.removeEventListener('abort', leave);
      leave();
      return end;
    },
    async throw(error) {
      await generator.return(undefined);
      throw error;
    },
    [Symbol.asyncIterator]: () => generator,
    [Symbol.asyncDispose]: async () => void (await generator.return(undefined)),
  };
  return generator;
}

function thrownToGraphQLError(error: unknown): GraphQLError {
  return error instanceof Refusal ? refusalToGraphQLError(error) : new GraphQLError('unexpected', { originalError: error as Error });
}

/** Begins a subscription. One that cannot even be planned fails like one that is refused: an exception here would close the whole socket. @returns what ends it */
export function subscribe({ subscriptions }: Engine, { document, operationName, variables, caller }: StreamedOperation, subscriber: Subscriber): () => void {
  try {
    return subscriptions.subscribe({ document, operationName, variables, caller }, subscriber);
  } catch (error) {
    subscriber.error(error);
    return () => {};
  }
}
