import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { getMainDefinition } from '@apollo/client/utilities';
import { cacheExchange, createClient as createUrqlClient, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import { GraphQLClient } from 'graphql-request';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ALICE, eventually, startTestGateway } from './testGateway.js';

const QUERY = 'query Trip($id: ID!) { trip(id: $id) { id status car { plate } } }';
const MUTATION = 'mutation Rename($id: ID!, $status: String!) { rename(id: $id, status: $status) { id status } }';
const SUBSCRIPTION = 'subscription Watch($id: ID!) { tripUpdates(tripId: $id) { sequence status trip { id car { plate } } } }';
const TRIP = { id: 't1', status: 'REQUESTED', car: { plate: 'plate-car-t1' } };
const RENAMED = { id: 't1', status: 'NEW' };
const UPDATES = [
  { sequence: 1, status: 'REQUESTED', trip: { id: 't1', car: { plate: 'plate-car-t1' } } },
  { sequence: 2, status: 'ACCEPTED', trip: { id: 't1', car: { plate: 'plate-car-t1' } } },
];

/** What each client needs to know, and a socket client for those that bring none. */
async function start() {
  const graph = await startTestGateway();
  const authorization = `Bearer ${await graph.identity.token(ALICE)}`;
  const sockets = graph.connect({ authorization });
  return { graph, url: `${graph.url}/graphql`, headers: { authorization }, sockets };
}

test('GW-51: graphql-ws runs a query, a mutation and a subscription', async () => {
  const { graph, headers } = await start();
  await using _closing = graph;
  const client = createClient({ url: `ws://localhost:${graph.gateway.port}/graphql`, webSocketImpl: WebSocket, connectionParams: headers });
  const first = async (query: string, variables: Record<string, unknown>) => (await client.iterate({ query, variables }).next()).value?.data;
  expect(await first(QUERY, { id: 't1' })).toEqual({ trip: TRIP });
  expect(await first(MUTATION, RENAMED)).toEqual({ rename: RENAMED });
  const updates = client.iterate({ query: SUBSCRIPTION, variables: { id: 't1' } });
  expect((await updates.next()).value?.data).toEqual({ tripUpdates: UPDATES[0] });
  graph.trip.moveTo('ACCEPTED');
  expect((await updates.next()).value?.data).toEqual({ tripUpdates: UPDATES[1] });
  await client.dispose();
});

test('GW-51: graphql-request runs a query and a mutation, and reads errors; it has no subscriptions', async () => {
  const { graph, url, headers } = await start();
  await using _closing = graph;
  const client = new GraphQLClient(url, { headers });
  expect(await client.request(QUERY, { id: 't1' })).toEqual({ trip: TRIP });
  expect(await client.request(MUTATION, RENAMED)).toEqual({ rename: RENAMED });
  await expect(client.request('{ refuse }')).rejects.toMatchObject({ response: { errors: [{ extensions: { code: 'QUOTE_EXPIRED' } }] } });
  await expect(client.request('{ nonsense }')).rejects.toMatchObject({ response: { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] } });
});

test('GW-51: Apollo Client runs a query, a mutation and, over its split link, a subscription', async () => {
  const { graph, url, headers, sockets } = await start();
  await using _closing = graph;
  const link = ApolloLink.split(
    ({ query }) => {
      const definition = getMainDefinition(query);
      return definition.kind === 'OperationDefinition' && definition.operation === 'subscription';
    },
    new GraphQLWsLink(sockets),
    new HttpLink({ uri: url, headers }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  const { data } = await client.query<{ trip: object }>({ query: gql(QUERY), variables: { id: 't1' } });
  expect(data?.trip).toMatchObject(TRIP);
  expect((await client.mutate<{ rename: object }>({ mutation: gql(MUTATION), variables: RENAMED })).data?.rename).toMatchObject(RENAMED);
  const seen: unknown[] = [];
  const watching = client.subscribe<{ tripUpdates: object }>({ query: gql(SUBSCRIPTION), variables: { id: 't1' } }).subscribe({
    next: (result) => void seen.push(result.data?.tripUpdates),
  });
  await eventually(() => seen.length).toBe(1);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => seen).toMatchObject(UPDATES);
  watching.unsubscribe();
  client.stop();
});

test('GW-51: urql runs a query, a mutation and a subscription, over its socket and over server-sent events', async () => {
  const { graph, url, headers, sockets } = await start();
  await using _closing = graph;
  const overSockets = subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables: variables as Record<string, unknown> }, sink as never) }),
    }),
  });
  const options = { url, fetchOptions: { headers }, preferGetMethod: false } as const;
  const client = createUrqlClient({ ...options, exchanges: [cacheExchange, fetchExchange, overSockets] });
  expect((await client.query(QUERY, { id: 't1' }).toPromise()).data?.trip).toMatchObject(TRIP);
  expect((await client.mutation(MUTATION, RENAMED).toPromise()).data?.rename).toMatchObject(RENAMED);
  const streaming = createUrqlClient({ ...options, fetchSubscriptions: true, exchanges: [fetchExchange] });
  const seen: unknown[][] = [[], []];
  const watching = [client, streaming].map((each, index) =>
    each.subscription(SUBSCRIPTION, { id: 't1' }).subscribe(({ data }) => void seen[index]?.push(data?.tripUpdates)),
  );
  await eventually(() => seen.map(({ length }) => length)).toEqual([1, 1]);
  graph.trip.moveTo('ACCEPTED');
  await eventually(() => seen).toMatchObject([UPDATES, UPDATES]);
  for (const each of watching) each.unsubscribe();
});
