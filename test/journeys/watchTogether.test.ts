import { randomUUID } from 'node:crypto';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

interface Seen {
  sequence: number;
  kind: string;
  status: string;
  trip: { rider: { name: string; email?: string | null } | null; driver: { plate: string } | null };
}

const SHARED = `subscription($id: ID!, $after: Int) { tripUpdates(tripId: $id, afterSequence: $after) {
  sequence kind status trip { id rider { name } driver { plate user { name } vehicle { make } } } } }`;
const PERSONAL = 'subscription($id: ID!) { tripUpdates(tripId: $id) { sequence kind status trip { rider { name email } driver { plate } } } }';

/** GW-11 and ID-07b, with the real dispatch, identity and fleet. */
describe.each(['one', 'split'] as const)('people who watch one trip, layout %s', (layout) => {
  let graph: TestGraph;
  const clients: Client[] = [];
  beforeAll(async () => {
    graph = await startGraph(layout);
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.dispose()));
    await graph[Symbol.asyncDispose]();
  });

  const watch = async (account: keyof typeof DEMO_ACCOUNTS, query: string, variables: Record<string, unknown>) => {
    const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
    const client = createClient({
      url: `${graph.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${signIn.accessToken}` },
      retryAttempts: 0,
    });
    clients.push(client);
    const watching = { seen: [] as Seen[], code: null as unknown, completed: false, codes: [] as unknown[] };
    client.subscribe<{ tripUpdates: Seen }>(
      { query, variables },
      {
        next: ({ data, errors }) => {
          if (data?.tripUpdates) watching.seen.push(data.tripUpdates);
          for (const error of errors ?? []) watching.codes.push(error.extensions?.code);
        },
        error: (error) => {
          watching.code = Array.isArray(error) ? error[0]?.extensions?.code : error;
        },
        complete: () => {
          watching.completed = true;
        },
      },
    );
    return watching;
  };
  const upstreams = async () => Number(/waygraph_upstream_subscriptions (\d+)/.exec(await (await fetch(`${graph.url}/metrics`)).text())?.[1]);
  const states = (watching: { seen: Seen[] }) => watching.seen.filter(({ kind }) => kind !== 'POSITION').map(({ sequence }) => sequence);

  test('GW-11: rider, driver and admin share one upstream; each is let in alone, a stranger not at all; nobody misses or repeats a state', async () => {
    const rider = await graph.as('customer');
    const driver = await graph.as('driver');
    await driver.GoOnline({ at: { lat: 30.0444, lng: 31.2357 } });
    const offers = driver.DriverOffers()[Symbol.asyncIterator]();
    const offered = offers.next();
    const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: { lat: 30.045, lng: 31.236 }, destination: { lat: 30.0626, lng: 31.2497 } } });
    const { requestTrip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
    const id = requestTrip.id;
    await driver.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
    await offers.return?.();
    await eventually(async () => (await upstreams()) === 0, 'the offers to be left');

    const riding = await watch('customer', SHARED, { id });
    await eventually(() => riding.seen.length > 0, 'the rider to see the trip');
    const driving = await watch('driver', SHARED, { id });
    const late = await watch('admin', SHARED, { id, after: 1 });
    const stranger = await watch('customer2', SHARED, { id });
    await eventually(() => driving.seen.length > 0 && late.seen.length > 0, 'the others to see it');
    await eventually(() => stranger.code === 'NOT_FOUND', 'the stranger to be refused');
    await eventually(async () => (await upstreams()) === 1, 'one upstream');
    const last = states(riding).at(-1) ?? 0;
    // What has come from upstream is still being completed by other subgraphs.
    await eventually(() => states(late).at(-1) === last, 'the one who came late to be level');
    expect(states(late)).toEqual(Array.from({ length: last - 1 }, (_, index) => index + 2));

    const personal = [await watch('customer', PERSONAL, { id }), await watch('driver', PERSONAL, { id })] as const;
    await eventually(() => personal.every(({ seen }) => seen.length > 0), 'those who ask for the address');
    await eventually(async () => (await upstreams()) === 2, 'an upstream for the other selection, shared too');

    await driver.ArriveAtPickup({ tripId: id });
    await driver.StartTrip({ tripId: id });
    await driver.CompleteTrip({ tripId: id });
    const all = [riding, driving, late, ...personal];
    await eventually(() => all.every(({ completed }) => completed), 'the end of the trip for everybody');
    for (const watching of all) expect(states(watching).slice(-3)).toEqual([last + 1, last + 2, last + 3]);
    for (const watching of [riding, driving, late]) {
      expect(watching.seen.at(-1)).toMatchObject({ status: 'COMPLETED', trip: { rider: { name: expect.any(String) }, driver: { plate: expect.any(String) } } });
    }
    // ID-07b: the address is the rider's own, also when somebody else watches the same events.
    expect(new Set(personal[0].seen.map(({ trip }) => trip.rider?.email))).toEqual(new Set([DEMO_ACCOUNTS.customer.email]));
    expect(new Set(personal[1].seen.map(({ trip }) => trip.rider?.email))).toEqual(new Set([null]));
    expect(new Set(personal[1].codes)).toEqual(new Set(['FORBIDDEN']));
    expect(stranger.seen).toEqual([]);
    await eventually(async () => (await upstreams()) === 0, 'nothing to stay open');
  });
});
