import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import { createClient, type SubscribePayload } from 'graphql-ws';
import { WebSocket } from 'ws';
import { type EventSink, isRequestError } from './links.js';

/** Milliseconds between pings, and how long a pong may take: a half-open socket would be silent for ever otherwise. */
const KEEP_ALIVE_MS = 10_000;
const PONG_WAIT_MS = 5_000;
/** Milliseconds that the socket stays open after its last operation, so that watchers who come and go do not reconnect. */
const LINGER_MS = 5_000;

export interface RemoteEvents {
  subscribe(payload: SubscribePayload, sink: EventSink): () => void;
  close(): Promise<void>;
}

/**
 * One WebSocket per subgraph for all its upstream subscriptions. It does not retry by itself: the upstream does, because only it can sign a
 * fresh token and knows the last sequence it saw.
 */
export function connectEvents(endpoint: URL): RemoteEvents {
  const url = new URL(endpoint);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  let connected = false;
  let pongWait: NodeJS.Timeout | undefined;
  const client = createClient({
    url: url.href,
    webSocketImpl: WebSocket,
    lazy: true,
    lazyCloseTimeout: LINGER_MS,
    keepAlive: KEEP_ALIVE_MS,
    connectionAckWaitTimeout: 5_000,
    retryAttempts: 0,
    on: {
      connected: () => {
        connected = true;
      },
      closed: () => {
        connected = false;
        clearTimeout(pongWait);
      },
      ping: (received) => {
        if (!received) pongWait = setTimeout(() => client.terminate(), PONG_WAIT_MS);
      },
      pong: (received) => {
        if (received) clearTimeout(pongWait);
      },
    },
  });

  return {
    subscribe(payload, sink) {
      let ended = false;
      let reached = connected;
      const unlisten = client.on('connected', () => {
        reached = true;
      });
      let dispose = () => {};
      // Ends this operation before the sink hears of it, so that the sink may subscribe again at once.
      const finish = (tell: () => void) => {
        if (ended) return;
        ended = true;
        unlisten();
        dispose();
        tell();
      };
      dispose = client.subscribe(payload, {
        next(message) {
          const result = message as unknown as ExecutionResult;
          if (ended) return;
          if (isRequestError(result)) return finish(() => sink.refused(result.errors as readonly GraphQLFormattedError[]));
          sink.next(result);
        },
        error(error) {
          // An array is what the subgraph said; anything else (a close event, a socket error) is the transport.
          finish(() => (Array.isArray(error) ? sink.refused(error as GraphQLFormattedError[]) : sink.broken(reached)));
        },
        complete: () => finish(() => sink.complete()),
      });
      return () => finish(() => {});
    },
    async close() {
      clearTimeout(pongWait);
      await client.dispose();
    },
  };
}
