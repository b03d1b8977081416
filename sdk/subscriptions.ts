import type { Client as SocketClient } from 'graphql-ws';

/** An event of a stream that numbers its states, as far as it selects these fields. */
interface Numbered {
  sequence?: unknown;
  kind?: unknown;
}

/** The socket was closed because the access token came to its end. The protocol's clients take that for final; with a new token it is not. */
const TOKEN_ENDED = 4401;

/**
 * Subscribes, and stays subscribed while the socket breaks, the gateway restarts and access tokens end. An operation with an `$afterSequence` variable
 * that selects `sequence` goes on from the last state that it has given: none is missing and none comes twice. Fields without one go on from the present.
 *
 * By hand, not an async generator: its `return()` would wait for the event that `next()` waits for.
 */
export function resumingSubscription<R>(
  openSocket: () => SocketClient,
  query: string,
  variables: Record<string, unknown>,
  toError: (cause: unknown) => Error,
): AsyncIterableIterator<R> {
  const isResumable = /\$afterSequence\b/.test(query);
  // The socket sends this object each time it connects, so what is written into it here is where the next connection goes on.
  const progress = { ...variables };
  const subscribe = () => openSocket().iterate<R>({ query, variables: progress });
  let events = subscribe();
  let hasRenewed = false;
  let isOver = false;

  const step = async (): Promise<IteratorResult<R, undefined>> => {
    for (;;) {
      try {
        const next = await events.next();
        if (next.done) return { value: undefined, done: true };
        const { data, errors } = next.value;
        if (errors?.[0] || !data) throw toError(errors);
        hasRenewed = false;
        if (isResumable) note(progress, data);
        return { value: data, done: false };
      } catch (cause) {
        // Once per event: whoever is shut out again at once is not let in by asking.
        if (isOver || hasRenewed || (cause as { code?: unknown } | null)?.code !== TOKEN_ENDED) throw toError(cause);
        hasRenewed = true;
        events = subscribe();
      }
    }
  };
  const stream: AsyncIterableIterator<R> = {
    next: step,
    return: async () => {
      isOver = true;
      await events.return?.();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}

/** Keeps the last state's sequence. A position has it too, but may come before the state itself has. */
function note(progress: Record<string, unknown>, data: unknown): void {
  const [root] = Object.values((data ?? {}) as Record<string, Numbered | null>);
  if (typeof root?.sequence === 'number' && root.kind !== 'POSITION') progress.afterSequence = root.sequence;
}
