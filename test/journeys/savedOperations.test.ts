import { randomUUID } from 'node:crypto';
import { createClient } from 'graphql-ws';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readSavedOperations } from '../../gateway/playground/playground.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { uuidOf } from '../../platform/ids.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

// GW-50: every saved operation of the counter and of its customers, as the playground offers it: its text, its example, and whom it names. What an example
// leaves open (`from bookings`) is filled in from what the others answered.

const SAVED = new Map(
  readSavedOperations().flatMap((operation) => {
    const key = /^(Desk|Rental) \d+/.exec(operation.name)?.[0];
    return key ? [[key, operation] as const] : [];
  }),
);

let graph: TestGraph;
const tokens: Record<string, string> = {};
beforeAll(async () => {
  graph = await startGraph('one');
  for (const account of ['customer', 'admin'] as const) {
    const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
    tokens[account] = signIn.accessToken;
  }
});
afterAll(() => graph[Symbol.asyncDispose]());

type Values = Record<string, unknown>;
// biome-ignore lint/suspicious/noExplicitAny: answers of forty operations, of which each looks at one or two fields
type Answered = any;
const done = new Set<string>();

function saved(key: string, more: Values): { query: string; variables: Values; authorization: Record<string, string> } {
  const operation = SAVED.get(key);
  if (!operation) throw new Error(`There is no saved operation ${key}.`);
  const example = JSON.parse(operation.variables || '{}') as Values;
  const { input, ...rest } = more as { input?: Values };
  const variables = { ...example, ...rest, ...(input && { input: { ...(example.input as Values), ...input } }) };
  const written = JSON.stringify(variables).replaceAll('"any new text"', () => JSON.stringify(randomUUID()));
  const open = /"from [^"]*"/.exec(written)?.[0];
  if (open) throw new Error(`${operation.name}: nobody said what ${open} is.`);
  if (operation.as !== 'anybody' && !tokens[operation.as]) throw new Error(`${operation.name} is for "${operation.as}", who has no account here.`);
  const authorization = operation.as === 'anybody' ? {} : { authorization: `Bearer ${tokens[operation.as]}` };
  return { query: operation.query, variables: JSON.parse(written) as Values, authorization: authorization as Record<string, string> };
}

/** Runs one with its example, and what is said here over it; without an error, and with something in the answer. */
async function run(key: string, more: Values = {}): Promise<Answered> {
  const { query, variables, authorization } = saved(key, more);
  const { json } = await graph.post({ query, variables }, authorization);
  expect({ key, errors: json.errors }).toEqual({ key, errors: undefined });
  const fields = Object.entries((json.data ?? {}) as Values);
  expect(fields.length).toBeGreaterThan(0);
  for (const [name, value] of fields) expect({ key, name, value }).not.toEqual({ key, name, value: null });
  done.add(key);
  return json.data;
}

async function upstreams(): Promise<number> {
  return Number(/^waygraph_upstream_subscriptions (\d+)/m.exec(await (await fetch(`${graph.url}/metrics`)).text())?.[1]);
}

/** The first event of a subscription, which `cause` may have to bring about. */
async function firstEvent(key: string, more: Values, cause: () => Promise<unknown> = async () => {}): Promise<Answered> {
  const { query, variables, authorization } = saved(key, more);
  const client = createClient({
    url: `${graph.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: authorization,
    retryAttempts: 0,
  });
  try {
    await eventually(async () => (await upstreams()) === 0, 'the subscription before to be gone');
    const events = client.iterate({ query, variables });
    const first = events.next();
    await eventually(async () => (await upstreams()) === 1, 'the subscription to be open');
    await cause();
    const { value } = await first;
    expect({ key, errors: value?.errors }).toEqual({ key, errors: undefined });
    await events.return?.();
    done.add(key);
    return value?.data;
  } finally {
    await client.dispose();
  }
}

const jpeg = () =>
  sharp({ create: { width: 640, height: 480, channels: 3, background: '#246' } })
    .jpeg()
    .toBuffer();
async function put(url: string): Promise<void> {
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(await jpeg()) });
  expect(response.status).toBe(201);
}

async function booked(quote: Values): Promise<string> {
  const { quoteRental } = await run('Rental 2', { input: quote });
  const { createBooking } = await run('Rental 4', { input: { quoteId: quoteRental.id } });
  await eventually(async () => (await run('Rental 5', { id: createBooking.id })).booking.status === 'CONFIRMED', 'the booking to be confirmed');
  return createBooking.id as string;
}

const at = (day: string) => `2030-01-${day}T10:00:00+02:00`;

test('GW-50: every saved operation of the desk and of rentals runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const { vehicles } = await run('Rental 1');
  expect(vehicles.nodes[0]).toMatchObject({ make: 'Toyota', model: 'Corolla' });
  expect((await run('Rental 10')).vehicles.totalCount).toBeGreaterThan(0);
  expect((await run('Rental 9')).vehicle.availability.free).toBe(true);

  // A customer books, pays, changes, and has somebody behind.
  const { initiateDeposit } = await run('Rental 3');
  expect((await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) })).ok).toBe(true);
  const first = await booked({});
  expect((await firstEvent('Rental 6', { bookingId: first })).bookingUpdated.id).toBe(first);
  const { quoteRental } = await run('Rental 2', { input: { pickupAt: at('04'), returnAt: at('06'), changesBookingId: first } });
  expect((await run('Rental 11', { input: { bookingId: first, quoteId: quoteRental.id } })).changeBooking.id).toBe(first);
  const behind = await booked({ pickupAt: at('07'), returnAt: at('09') });
  await eventually(async () => (await run('Rental 14', { id: first })).booking.agreement?.status === 'SENT', 'the agreement', 40_000);
  await eventually(async () => (await run('Rental 8')).me.notifications.nodes.length > 0, 'a notification');

  // The clock of a running graph cannot be moved; the pick-up time can.
  await graph.owner('booking')`update bookings set pickup_at = now() - interval '1 minute' where id = ${uuidOf('bkg', first) as string}`;
  const handOver = () => run('Desk 3', { input: { bookingId: first } });
  expect((await firstEvent('Desk 2', {}, handOver)).bookingsFeed).toMatchObject({ id: first, status: 'ACTIVE' });
  const { bookings } = await run('Desk 1', { filter: { day: '2030-01-07' } });
  expect(bookings.nodes.map(({ id }: { id: string }) => id)).toContain(behind);
  const { requestRentalPhoto } = await run('Desk 18', { input: { bookingId: first } });
  await put(requestRentalPhoto.url);
  await eventually(async () => (await run('Rental 15', { id: first })).booking.photos.length === 1, 'the photo');

  // It will be late: who is behind takes another car, and is exchanged, and gives up.
  await run('Desk 5', { input: { bookingId: first, expectedAt: at('08') } });
  const { replacements } = await eventually(async () => {
    const { booking } = await run('Rental 12', { id: behind });
    return booking.atRiskSince && booking.replacements.length > 1 && booking;
  }, 'the booking behind to be at risk');
  const { replaceVehicle } = await run('Rental 13', { input: { bookingId: behind, vehicleId: replacements[0].id } });
  expect(replaceVehicle.vehicle.id).toBe(replacements[0].id);
  const beside = await booked({ vehicleId: replacements[1].id, pickupAt: at('07'), returnAt: at('09') });
  const { swapVehicles } = await run('Desk 6', { input: { bookingId: behind, otherBookingId: beside } });
  expect(swapVehicles[0].vehicle.id).toBe(replacements[1].id);
  expect((await run('Rental 7', { input: { bookingId: behind } })).cancelBooking.status).toBe('CANCELLED');
  await eventually(async () => {
    const { bookings: all } = await run('Desk 1', { filter: {} });
    return all.nodes.find(({ id }: { id: string }) => id === first)?.deposit?.status !== 'REQUESTED';
  }, 'the deposit to be decided');
  expect((await run('Desk 4', { input: { bookingId: first } })).returnRental.status).toBe('COMPLETED');

  // The office looks at cars, and keeps one back.
  const { blockVehicle } = await run('Desk 7');
  expect((await run('Desk 10')).vehicle.calendar.length).toBe(31);
  expect((await run('Desk 10')).vehicleBlocks.map(({ id }: { id: string }) => id)).toContain(blockVehicle.id);
  expect((await run('Desk 8', { id: blockVehicle.id })).unblockVehicle.liftedAt).not.toBeNull();
  expect((await run('Desk 9')).stationCalendar.length).toBe(31);
  expect((await run('Desk 11')).savePromotion.percent).toBe(10);
  expect((await run('Desk 12')).stations.length).toBeGreaterThan(0);

  // Pictures, and the fleet itself.
  const { requestImageUpload } = await run('Desk 13');
  await put(requestImageUpload.url);
  await eventually(async () => (await run('Desk 14', { id: requestImageUpload.id })).imageUpload.status === 'READY', 'the renditions', 60_000);
  const shown = (await run('Desk 15')).vehicle.images.map(({ id }: { id: string }) => id);
  expect(shown).toContain(requestImageUpload.id);
  expect((await run('Desk 16', { imageIds: shown })).orderVehicleImages.images.map(({ id }: { id: string }) => id)).toEqual(shown);
  expect((await run('Desk 17', { id: requestImageUpload.id })).deleteVehicleImage.images).toEqual([]);
  const { createVehicle } = await run('Desk 19');
  const { version } = (await run('Rental 9')).vehicle;
  expect((await run('Desk 20', { input: { version } })).updateVehicle.version).toBe(version + 1);
  expect((await run('Desk 21', { id: createVehicle.id })).retireVehicle.status).toBe('RETIRED');

  // A new one has to be added here.
  expect([...SAVED.keys()].filter((key) => !done.has(key))).toEqual([]);
});
