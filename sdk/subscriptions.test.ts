import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buildSchema, parse } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createWaygraphClient } from './client.js';

const SCHEMA = buildSchema('type Query { a: Int } type Update { sequence: Int kind: String } type Subscription { tripUpdates(afterSequence: Int): Update }');

/** A trip of so many states that speaks the gateway's protocol: it sends what follows `afterSequence`, and its sockets are cut when the test says so. */
async function startPeer(states: number) {
  const asked: { afterSequence: unknown; authorization: unknown }[] = [];
  let renewals = 0;
  let isShut = false;
  let reached = 0;
  let wake = () => {};
  const http = createServer((_request, response) => {
    renewals += 1;
    // So short a life that each connection needs a new one.
    const refreshSession = { accessToken: `renewed ${renewals}`, refreshToken: 'next', expiresAt: new Date(Date.now() + 10_000).toISOString() };
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ data: { refreshSession } }));
  });
  const webSockets = new WebSocketServer({ server: http, path: '/graphql' });
  const server = useServer(
    {
      schema: SCHEMA,
      onConnect: ({ extra }) => {
        if (isShut) (extra as { socket: WebSocket }).socket.close(4401, 'Token expired');
      },
      onSubscribe: ({ connectionParams }, _id, { query, variables }) => {
        asked.push({ afterSequence: variables?.afterSequence, authorization: connectionParams?.authorization });
        return { schema: SCHEMA, document: parse(query), variableValues: variables };
      },
      validate: () => [],
      subscribe: async ({ variableValues }) =>
        (async function* () {
          for (let sequence = Number(variableValues?.afterSequence ?? 0) + 1; sequence <= states; sequence += 1) {
            while (sequence > reached) await new Promise<void>((resolve) => (wake = resolve));
            yield { data: { tripUpdates: { sequence, kind: 'STATE' } } };
            // A position may know of a state that has not been sent yet.
            yield { data: { tripUpdates: { sequence: sequence + 1, kind: 'POSITION' } } };
          }
        })(),
    },
    webSockets,
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/graphql`,
    asked,
    /** Lets the trip come as far as this state. */
    advance(to: number) {
      reached = to;
      wake();
    },
    cut(how: (socket: WebSocket) => void) {
      for (const socket of webSockets.clients) how(socket);
    },
    shut() {
      isShut = true;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of webSockets.clients) socket.terminate();
      await server.dispose();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

/** A client whose token is about to end, and the states that its stream gives. */
function watch(url: string) {
  const client = createWaygraphClient({ url, webSocket: WebSocket });
  client.use({ accessToken: 'old', refreshToken: 'first', expiresAt: new Date().toISOString() });
  const stream = client.TripUpdates({ tripId: 'trp_1' })[Symbol.asyncIterator]();
  const nextState = async (): Promise<number | null> => {
    for (;;) {
      const { value, done } = await stream.next();
      if (done) return null;
      if (value.tripUpdates.kind === 'STATE') return value.tripUpdates.sequence;
    }
  };
  return { client, nextState };
}

test('SD-01: a stream whose socket breaks, and whose token ends, goes on from the last state with a new token, and gives each state once', async () => {
  await using peer = await startPeer(4);
  const { client, nextState } = watch(peer.url);
  peer.advance(1);
  expect(await nextState()).toBe(1);
  peer.cut((socket) => socket.terminate());
  peer.advance(2);
  expect(await nextState()).toBe(2);
  peer.cut((socket) => socket.close(4401, 'Token expired'));
  peer.advance(4);
  expect([await nextState(), await nextState(), await nextState()]).toEqual([3, 4, null]);
  expect(peer.asked).toEqual([
    { afterSequence: undefined, authorization: 'Bearer renewed 1' },
    { afterSequence: 1, authorization: 'Bearer renewed 2' },
    { afterSequence: 2, authorization: 'Bearer renewed 3' },
  ]);
  await client.close();
});

test('SD-01: whoever is shut out for good is told, and does not knock for ever', async () => {
  await using peer = await startPeer(2);
  const { client, nextState } = watch(peer.url);
  peer.advance(1);
  expect(await nextState()).toBe(1);
  peer.shut();
  peer.cut((socket) => socket.close(4401, 'Token expired'));
  await expect(nextState()).rejects.toThrow('4401');
  await client.close();
});
