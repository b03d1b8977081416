import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import type { WaygraphClient } from '../../sdk/client.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const PICKUP = { lat: 30.045, lng: 31.236 };
const WITHIN_MS = 60_000;

let graph: TestGraph;
let rider: WaygraphClient;
let driver: WaygraphClient;
beforeAll(async () => {
  // Long enough offers and pauses that a restart on a busy machine fits into one.
  graph = await startGraph('split', { DISPATCH_OFFER_S: '90', DISPATCH_EMPTY_ROUND_S: '12' });
  [rider, driver] = [await graph.as('customer'), await graph.as('driver')];
}, 120_000);
afterAll(() => graph[Symbol.asyncDispose]());

async function crash(): Promise<void> {
  await graph.kill('dispatch');
  await graph.flushRedis();
  await graph.revive('dispatch');
}
const patiently = <T>(what: string, work: () => Promise<T>) => eventually(work, what, WITHIN_MS);
const move = () => driver.UpdateLocation({ input: { point: PICKUP, recordedAt: new Date().toISOString() } });

test('DP-34, EV-03: kill -9 of dispatch and an empty Redis during rounds, offers, the ride and its completion: the trip goes on, the stream misses nothing', async () => {
  const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: PICKUP, destination: { lat: 30.0626, lng: 31.2497 }, vehicleTypes: ['ECONOMY'] } });
  const input = { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'WALLET' as const, idempotencyKey: randomUUID() };
  const tripId = (await rider.RequestTrip({ input })).requestTrip.id;
  const uuid = uuidOf('trp', tripId);
  const sql = graph.owner('dispatch');
  const seen: { sequence: number; status: string; kind: string }[] = [];
  const watching = (async () => {
    for await (const { tripUpdates } of rider.TripUpdates({ tripId, afterSequence: 1 })) seen.push(tripUpdates);
  })();
  const saw = (status: string) => patiently(`the rider to see ${status}`, async () => seen.some((update) => update.status === status));
  await saw('SEARCHING');

  await patiently('the first round', async () => (await sql`select 1 from trips where id = ${uuid} and search_round >= 1`).length > 0);
  await crash();
  await patiently('the driver to be online', () => driver.GoOnline({ at: PICKUP }));
  const offerId = await patiently('an offer', async () => {
    await move();
    const offers = driver.DriverOffers()[Symbol.asyncIterator]();
    const next = await Promise.race([offers.next(), new Promise<null>((resolve) => setTimeout(resolve, 1_000, null))]);
    await offers.return?.();
    return next?.value?.driverOffers.id;
  });

  await crash();
  await patiently('the driver to accept the offer that was open', () => driver.AcceptOffer({ offerId }));
  await saw('ACCEPTED');
  await crash();
  await patiently('the driver to arrive', () => driver.ArriveAtPickup({ tripId }));
  await saw('DRIVER_ARRIVED');
  await patiently('the ride to begin', () => driver.StartTrip({ tripId }));
  await saw('STARTED');
  await crash();
  await patiently('a position', move);
  const completed = driver.CompleteTrip({ tripId }).catch(() => null);
  await patiently('the completion to be in Postgres', async () => (await sql`select 1 from trips where id = ${uuid} and status = 'COMPLETED'`).length > 0);
  await crash();
  await completed;
  await watching;

  const states = seen.filter(({ kind }) => kind !== 'POSITION');
  expect(states.map(({ sequence }) => sequence)).toEqual([2, 3, 4, 5, 6]);
  expect(states.map(({ status }) => status)).toEqual(['SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED']);
  const log = await sql`select sequence from trip_states where trip_id = ${uuid} order by sequence`;
  expect(log.map((row) => row.sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  await patiently('the trip to be paid', async () => (await rider.GetTrip({ id: tripId })).trip?.payment?.status === 'CAPTURED');
  const settlements = await graph.owner('payments-ledger')`select 1 from transactions where kind = 'TRIP_SETTLEMENT' and reference_id = ${uuid}`;
  expect(settlements, 'paid once').toHaveLength(1);
  const admin = await graph.as('admin');
  await patiently('nothing to be violated', async () => (await admin.SystemHealth()).systemHealth.violations.length === 0);
}, 300_000);
