import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { createWaygraphClient, type WaygraphClient } from '../../sdk/client.js';
import { startGraph } from '../graphHarness.js';
import { eventually, tally } from '../subgraphHarness.js';

const PICKUP = { lat: 30.045, lng: 31.236 };
const DESTINATION = { lat: 30.0626, lng: 31.2497 };

async function clientOf(url: string, account: keyof typeof DEMO_ACCOUNTS): Promise<WaygraphClient> {
  const client = createWaygraphClient({ url: `${url}/graphql`, webSocket: WebSocket });
  client.use((await client.SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } })).signIn);
  return client;
}

/** What one watcher of a trip has seen: the states as they came, and the newest position. */
interface Seen {
  states: { sequence: number; status: string }[];
  newestLat: number | null;
  /** How the stream ended, once it has. */
  end: 'completed' | Error | null;
}

function watchTrip(client: WaygraphClient, tripId: string, afterSequence: number): Seen {
  const seen: Seen = { states: [], newestLat: null, end: null };
  (async () => {
    for await (const { tripUpdates } of client.TripUpdates({ tripId, afterSequence })) {
      const { kind, sequence, status, position } = tripUpdates;
      if (kind === 'POSITION') seen.newestLat = position?.lat ?? null;
      else seen.states.push({ sequence, status });
    }
    seen.end = 'completed';
  })().catch((error: Error) => {
    seen.end = error;
  });
  return seen;
}

/** Rider and driver on different gateways, and one gateway dies on the way: no client has to come back to where it was. */
test('GW-15: a trip over two gateways reaches watchers of both, and who watched at the one that is killed goes on at the other without a gap', async () => {
  await using graph = await startGraph('split');
  const other = await graph.processes.addGateway();
  const [rider, driver] = [await clientOf(graph.url, 'customer'), await clientOf(other.url, 'driver')];
  await driver.GoOnline({ at: PICKUP });
  const offers = driver.DriverOffers()[Symbol.asyncIterator]();
  const offered = offers.next();
  const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: PICKUP, destination: DESTINATION, vehicleTypes: ['ECONOMY'] } });
  // A quote of one gateway is good at the other.
  const riderElsewhere = await clientOf(other.url, 'customer');
  const { requestTrip } = await riderElsewhere.RequestTrip({
    input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() },
  });
  const tripId = requestTrip.id;
  await driver.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
  await offers.return?.();

  const watchers = [watchTrip(rider, tripId, 0), watchTrip(riderElsewhere, tripId, 0)];
  const see = (watching: readonly Seen[], status: string) =>
    eventually(() => watching.every(({ states }) => states.at(-1)?.status === status), `all watchers to see ${status}`);
  await see(watchers, 'ACCEPTED');
  const driverElsewhere = await clientOf(graph.url, 'driver');
  for (const [n, at] of [driver, driverElsewhere].entries()) {
    const lat = PICKUP.lat + (n + 1) / 10_000;
    await eventually(
      async () => {
        await at.UpdateLocation({ input: { point: { lat, lng: PICKUP.lng }, recordedAt: new Date().toISOString() } });
        return watchers.every(({ newestLat }) => newestLat !== null && Math.abs(newestLat - lat) < 1e-6);
      },
      `a position sent to gateway ${n + 1} to be seen at both`,
    );
  }

  await graph.kill('gateway');
  const [orphan, survivor] = watchers as [Seen, Seen];
  // Something happens while the gateway of this rider is gone. Whoever does not wait for it goes on at the other one.
  await driver.ArriveAtPickup({ tripId });
  const resumed = watchTrip(riderElsewhere, tripId, orphan.states.at(-1)?.sequence ?? 0);
  await see([survivor, resumed], 'DRIVER_ARRIVED');
  await graph.revive('gateway');
  await driverElsewhere.StartTrip({ tripId });
  await driver.CompleteTrip({ tripId });
  // The stream that was cut comes back by itself: the client asks for what follows the last state that it gave.
  await eventually(() => [orphan, survivor, resumed].every(({ end }) => end !== null), 'all streams to complete', 60_000);
  const all = ['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED'].map((status, i) => ({ sequence: i + 1, status }));
  expect([orphan.end, orphan.states]).toEqual(['completed', all]);
  expect([survivor.end, survivor.states]).toEqual(['completed', all]);
  expect([resumed.end, resumed.states]).toEqual(['completed', all.slice(3)]);
  await Promise.all([rider, driver, riderElsewhere, driverElsewhere].map((client) => client.close()));
}, 180_000);

test('GW-15, GW-22: gateways count rates together, so that a second one does not double them', async () => {
  await using graph = await startGraph('split', { RATE_LIMITS: 'on' });
  const other = await graph.processes.addGateway();
  const query = 'mutation($input: SignInInput!) { signIn(input: $input) { accessToken } }';
  const body = JSON.stringify({ query, variables: { input: { email: DEMO_ACCOUNTS.customer.email, password: 'not the password 1' } } });
  const statuses: string[] = [];
  for (let attempt = 0; attempt < 14; attempt += 1) {
    const url = attempt % 2 === 0 ? graph.url : other.url;
    const response = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    statuses.push(`${response.status}`);
    await response.text();
  }
  expect(tally(statuses)).toEqual({ 200: 10, 429: 4 });
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill('200'));
}, 120_000);
