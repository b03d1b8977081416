import { createHash, randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import type { WaygraphClient } from '../../sdk/client.js';
import { wireTo } from '../given/wire.js';
import { ask } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const PICKUP = { lat: 30.045, lng: 31.236 };
const CUTS = 20;

let graph: TestGraph;
let rider: WaygraphClient;
let driver: WaygraphClient;
let riderToken: string;
beforeAll(async () => {
  graph = await startGraph('one', { DISPATCH_COOLDOWN_S: '0' });
  [rider, driver] = [await graph.as('customer'), await graph.as('driver')];
  riderToken = await tokenOf('customer');
}, 120_000);
afterAll(() => graph[Symbol.asyncDispose]());

const move = (n: number) =>
  driver.UpdateLocation({ input: { point: { lat: PICKUP.lat + n / 10_000, lng: PICKUP.lng }, recordedAt: new Date().toISOString() } });

/** Asks for a trip that begins now, or later. */
async function asked(departAt?: Date): Promise<string> {
  const wish = { pickup: PICKUP, destination: { lat: 30.0626, lng: 31.2497 }, vehicleTypes: ['ECONOMY' as const] };
  const { quoteTrip } = await rider.QuoteTrip({ input: { ...wish, ...(departAt && { departAt: departAt.toISOString() }) } });
  const input = { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH' as const, idempotencyKey: randomUUID() };
  return (await rider.RequestTrip({ input })).requestTrip.id;
}

/** The next offer to this driver, accepted, once `first` has been done. */
async function acceptsNext(who: WaygraphClient, first: () => Promise<string>): Promise<string> {
  const offers = who.DriverOffers()[Symbol.asyncIterator]();
  const offered = offers.next();
  const made = await first();
  await who.AcceptOffer({ offerId: (await offered).value?.driverOffers.id ?? '' });
  await offers.return?.();
  return made;
}

/** A trip that the demo driver has accepted. */
async function accepted(departAt?: Date): Promise<string> {
  await driver.GoOnline({ at: PICKUP });
  return acceptsNext(driver, () => asked(departAt));
}

/** A few centimetres at a time, as far as a car can come between two points that follow each other at once. */
const creep = (n: number) => move(n / 100);
const isAt = (lat: number | undefined, n: number) => Math.abs((lat ?? 0) - (PICKUP.lat + n / 1_000_000)) < 1e-9;

/** A watcher's phone on a line of its own, which can be cut in the middle of whatever is on it. Its socket goes to `onSocket`. */
function phoneOn(port: number, token: string | null = riderToken, onSocket: (socket: WebSocket) => void = () => {}) {
  return createClient({
    url: `ws://127.0.0.1:${port}/graphql`,
    webSocketImpl: WebSocket,
    ...(token && { connectionParams: { authorization: `Bearer ${token}` } }),
    retryAttempts: 0,
    on: { connected: (socket) => onSocket(socket as WebSocket) },
  });
}
const graphPort = () => Number(new URL(graph.url).port);
const tokenOf = async (account: keyof typeof DEMO_ACCOUNTS) =>
  (await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } })).signIn.accessToken;
const FIELDS = 'kind sequence status position { lat }';
const WATCH = `subscription($tripId: ID!, $after: Int) { news: tripUpdates(tripId: $tripId, afterSequence: $after) { ${FIELDS} } }`;
const WATCH_SHARED = `subscription($token: String!, $after: Int) { news: sharedTripUpdates(token: $token, afterSequence: $after) { ${FIELDS} } }`;
interface Update {
  kind: string;
  sequence: number;
  status: string;
  position: { lat: number } | null;
}
interface Followed {
  states: { sequence: number; status: string }[];
  positions: number;
  /** Latitude of the last position. */
  newest: number;
  /** Resolves at the end of the stream; rejects with the errors of a refusal. */
  over: Promise<void>;
}

/** Watches as an app does that connects again at once when its line breaks. */
function follow(query: string, variables: Record<string, unknown>, options: { port?: number; token?: string | null; onSocket?(socket: WebSocket): void } = {}) {
  const { port = graphPort(), token, onSocket } = options;
  const seen: Followed = { states: [], positions: 0, newest: 0, over: Promise.resolve() };
  let last = (variables.after as number | undefined) ?? null;
  const read = async (): Promise<void> => {
    const phone = phoneOn(port, token, onSocket);
    try {
      for await (const { data } of phone.iterate<{ news: Update }>({ query, variables: { ...variables, after: last } })) {
        if (!data) throw new Error('a message without data');
        const { kind, sequence, status, position } = data.news;
        if (kind === 'POSITION') {
          seen.positions += 1;
          seen.newest = position?.lat ?? 0;
        } else seen.states.push({ sequence, status });
        last = sequence;
      }
    } catch (error) {
      if (Array.isArray(error)) throw error;
      // The line is gone, in the middle of a message as likely as between two.
      await new Promise((resolve) => setTimeout(resolve, 20));
      await phone.dispose();
      return read();
    }
    await phone.dispose();
  };
  seen.over = read();
  // Whoever wants to know awaits it.
  seen.over.catch(() => {});
  return seen;
}
const refusalOf = async ({ over }: Followed) => {
  const refusal: unknown = await over.catch((errors: unknown) => errors);
  return Array.isArray(refusal) ? refusal[0].extensions : refusal;
};
const metric = async (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await (await fetch(`${graph.url}/metrics`)).text())?.[1]);
const ALL_STATES = ['REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED'].map((status, i) => ({ sequence: i + 1, status }));

test('DP-31b: a watcher whose socket is destroyed twenty times sees every state once, in order, and the newest position', async () => {
  const tripId = await accepted();
  const wire = await wireTo('127.0.0.1', graphPort());
  const watching = follow(WATCH, { tripId, after: 0 }, { port: wire.port });
  let cuts = 0;
  let n = 0;
  // The newest position as it was at the last cut.
  let before = watching.newest;
  const cutUntil = (count: number) =>
    eventually(
      async () => {
        n += 1;
        await creep(n % 1_000);
        // Something has to have come through since the last cut, or nothing would be in the middle of anything.
        if (watching.newest === before) return false;
        before = watching.newest;
        wire.cut();
        wire.mend();
        cuts += 1;
        return cuts >= count;
      },
      `${count} cuts`,
      90_000,
    );
  await cutUntil(6);
  await driver.ArriveAtPickup({ tripId });
  await cutUntil(13);
  await driver.StartTrip({ tripId });
  await cutUntil(CUTS);
  await eventually(async () => {
    await creep(2_000);
    return isAt(watching.newest, 2_000);
  }, 'the newest position');
  wire.cut();
  wire.mend();
  await driver.CompleteTrip({ tripId });
  await watching.over;
  wire.close();
  expect(watching.states).toEqual(ALL_STATES);
}, 240_000);

test('DP-31b, GW-12: who stops reading in the middle of a trip has every state once, in order, and then the newest position; the gateway keeps nothing for him', async () => {
  // Long messages, so that some hundreds fill what the kernel keeps between the two ends.
  const long = WATCH.replace('{ lat }', `{ lat ${'x'.repeat(30_000)}: lng }`);
  const POSITIONS = 900;
  const tripId = await accepted();
  let isReading = false;
  const lines: WebSocket[] = [];
  const slow = follow(long, { tripId, after: 0 }, { onSocket: (socket) => lines.push(socket) > 0 && !isReading && socket.pause() });
  const quick = follow(long, { tripId, after: 0 }, { token: await tokenOf('admin') });
  await eventually(async () => quick.states.length === 3 && (await metric('waygraph_subscriptions')) === 2, 'both to watch');
  let [n, mostBuffered] = [0, 0];
  const driveUntil = async (count: number) => {
    while (quick.positions < count) {
      n += 1;
      await creep(n % 1_000);
      if (n % 50 === 0) mostBuffered = Math.max(mostBuffered, await metric('waygraph_sockets_buffered_bytes'));
    }
  };
  await driveUntil(POSITIONS / 3);
  await driver.ArriveAtPickup({ tripId });
  await driveUntil((POSITIONS * 2) / 3);
  await driver.StartTrip({ tripId });
  await driveUntil(POSITIONS);
  expect(slow.positions).toBe(0);
  isReading = true;
  for (const line of lines) line.resume();
  await eventually(async () => {
    await creep(2_000);
    return isAt(slow.newest, 2_000) && isAt(quick.newest, 2_000);
  }, 'the newest position');
  await driver.CompleteTrip({ tripId });
  await Promise.all([slow.over, quick.over]);
  expect(slow.states).toEqual(ALL_STATES);
  expect(quick.states).toEqual(ALL_STATES);
  // 27 MB were for him.
  expect(mostBuffered).toBeLessThan(1_000_000);
  expect(slow.positions).toBeLessThan(POSITIONS / 2);
}, 240_000);

test('DP-31b, GW-11: a driver who was replaced and a link that expired see nothing more, nor do strangers, while others go on watching the same', async () => {
  const [formerToken, strangerToken, adminToken] = await Promise.all([tokenOf('driver'), tokenOf('customer2'), tokenOf('admin')]);
  const second = await graph.as('driver2');
  // Too far to be asked first, and near enough to stand by.
  const away = (n: number) => ({ lat: PICKUP.lat + 0.055 + n / 1_000_000, lng: PICKUP.lng });
  const drive = (n: number) => second.UpdateLocation({ input: { point: away(n), recordedAt: new Date().toISOString() } });
  await second.GoOnline({ at: away(0) });
  const tripId = await accepted(new Date(Date.now() + 600_000));
  await acceptsNext(second, async () => tripId);
  // The first to watch: the upstream that all share runs in his name.
  const former = follow(WATCH, { tripId }, { token: formerToken });
  await eventually(() => former.states.length === 1, 'the driver to see the trip');
  const [riding, office] = [follow(WATCH, { tripId }), follow(WATCH, { tripId }, { token: adminToken })];
  await eventually(
    async () => riding.states.length === 1 && office.states.length === 1 && (await metric('waygraph_upstream_subscriptions')) === 1,
    'all of them',
  );

  await driver.CancelTrip({ tripId });
  await former.over;
  const REPLACED = [
    { sequence: 3, status: 'ACCEPTED' },
    { sequence: 4, status: 'SEARCHING' },
    { sequence: 5, status: 'ACCEPTED' },
  ];
  await eventually(() => riding.states.length === 3 && office.states.length === 3, 'the others to see who comes now');
  expect([riding.states, office.states, former.states]).toEqual([REPLACED, REPLACED, REPLACED.slice(0, 1)]);
  const isThere = (watching: Followed) => Math.abs(watching.newest - away(7).lat) < 1e-9;
  await eventually(async () => (await drive(7)) && isThere(riding) && isThere(office), 'where the new driver is');
  const NO_TRIP = { code: 'NOT_FOUND', details: { field: 'tripId' } };
  for (const token of [formerToken, strangerToken])
    for (const after of [undefined, 0, 5]) expect(await refusalOf(follow(WATCH, { tripId, after }, { token }))).toMatchObject(NO_TRIP);
  expect((await driver.GetTrip({ id: tripId })).trip).toBeNull();

  const link = async () =>
    (await ask<{ shareTrip: { token: string } }>(graph, riderToken, 'mutation($id: ID!) { shareTrip(tripId: $id) { token } }', { id: tripId })).data?.shareTrip
      .token ?? '';
  const [expiring, lasting] = [await link(), await link()];
  const [first, other] = [expiring, lasting].map((token) => follow(WATCH_SHARED, { token }, { token: null })) as [Followed, Followed];
  await eventually(async () => (await drive(1)) && first.positions > 2 && other.positions > 2, 'both links to show where the driver is');
  // Twelve hours later, by the only clock that a running system has.
  const hash = createHash('sha256').update(expiring).digest('hex');
  expect((await graph.owner('dispatch')`update trip_shares set expires_at = now() where token_hash = ${hash}`).count).toBe(1);
  await first.over;
  await second.ArriveAtPickup({ tripId });
  await eventually(async () => (await drive(2)) && other.states.length === 2 && Math.abs(other.newest - away(2).lat) < 1e-9, 'the other link to go on');
  for (const after of [undefined, 5, 6])
    expect(await refusalOf(follow(WATCH_SHARED, { token: expiring, after }, { token: null }))).toMatchObject({
      code: 'NOT_FOUND',
      details: { field: 'token' },
    });
  expect([first.states, other.states]).toEqual([REPLACED.slice(2), [...REPLACED.slice(2), { sequence: 6, status: 'DRIVER_ARRIVED' }]]);
  await second.StartTrip({ tripId });
  await second.CompleteTrip({ tripId });
  await Promise.all([riding, office, other].map(({ over }) => over));
  expect(riding.states.slice(3).map(({ status }) => status)).toEqual(['DRIVER_ARRIVED', 'STARTED', 'COMPLETED']);
  await second.GoOffline();
}, 120_000);

test('DP-32: whoever has the link sees position, state, first name and plate without signing in, and nothing of the rider', async () => {
  const tripId = await accepted();
  const shared = await ask<{ shareTrip: { token: string } }>(graph, riderToken, 'mutation($id: ID!) { shareTrip(tripId: $id) { token } }', { id: tripId });
  const token = shared.data?.shareTrip.token ?? '';
  const QUERY = 'query($token: String!) { sharedTrip(token: $token) { status position { lat lng } etaSeconds driver { firstName plate } } }';
  const look = async () => (await ask<{ sharedTrip: Record<string, unknown> | null }>(graph, null, QUERY, { token })).data?.sharedTrip;
  await move(3);
  expect(await look()).toMatchObject({ status: 'ACCEPTED', position: { lng: expect.any(Number) }, driver: { firstName: 'Hassan', plate: expect.any(String) } });
  for (const leak of ['rider { id }', 'driver { name }', 'driver { ref }', 'driver { id }', 'trip { id }', 'pickup { lat }', 'destination { lat }']) {
    const { errors } = await ask(graph, null, `query($token: String!) { sharedTrip(token: $token) { ${leak} } }`, { token });
    expect(errors?.[0]?.message, leak).toMatch(/Cannot query field/);
  }

  const socket = createClient({ url: `${graph.url.replace('http', 'ws')}/graphql`, webSocketImpl: WebSocket, retryAttempts: 0 });
  const query = 'subscription($token: String!) { sharedTripUpdates(token: $token) { sequence kind status driver { firstName plate } } }';
  const seen: { sequence: number; kind: string; status: string; driver: { firstName: string } | null }[] = [];
  const watching = (async () => {
    for await (const { data } of socket.iterate({ query, variables: { token } }))
      seen.push((data as { sharedTripUpdates: (typeof seen)[number] }).sharedTripUpdates);
  })();
  await eventually(() => seen.length > 0, 'the snapshot');
  expect(seen[0]).toMatchObject({ kind: 'SNAPSHOT', sequence: 3, driver: { firstName: 'Hassan' } });
  await driver.ArriveAtPickup({ tripId });
  await driver.StartTrip({ tripId });
  await driver.CompleteTrip({ tripId });
  await watching;
  expect(seen.filter(({ kind }) => kind === 'STATE').map(({ status }) => status)).toEqual(['DRIVER_ARRIVED', 'STARTED', 'COMPLETED']);
  expect(await look()).toBeNull();
  const again = socket.iterate({ query, variables: { token } });
  const refused = await again.next().catch((errors: unknown) => errors);
  expect(JSON.stringify(refused)).toContain('NOT_FOUND');
  await socket.dispose();
}, 120_000);
