import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import type { WaygraphClient } from '../../sdk/client.js';
import { ask } from '../given/people.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const PICKUP = { lat: 30.045, lng: 31.236 };
const DESTINATION = { lat: 30.0626, lng: 31.2497 };
const DAY_MS = 24 * 3_600_000;

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one');
});
afterAll(() => graph[Symbol.asyncDispose]());

/** A trip that begins so many days from now, and when that is. */
async function later(rider: WaygraphClient, days: number) {
  const departAt = new Date(Date.now() + days * DAY_MS);
  const { quoteTrip } = await rider.QuoteTrip({
    input: { pickup: PICKUP, destination: DESTINATION, vehicleTypes: ['ECONOMY'], departAt: departAt.toISOString() },
  });
  const { requestTrip } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
  return { trip: requestTrip, departAt };
}
const available = async (rider: WaygraphClient) => Number((await rider.Me()).me?.wallet?.available.amount);

test('DP-22: a trip in three weeks: its fare stays held until after it, its rider may ride today, and cancelling gives the fare back', async () => {
  const rider = await graph.as('customer');
  const before = await available(rider);
  const { trip, departAt } = await later(rider, 21);
  expect(trip.status).toBe('REQUESTED');
  const fare = Number(trip.quotedFare.amount);
  await eventually(async () => (await available(rider)) === before - fare, 'the fare to be held');
  const holds = await graph.owner('payments-ledger')`select expires_at from holds where reference_id = ${uuidOf('trp', trip.id)}`;
  expect(holds[0]?.expires_at).toEqual(new Date(departAt.getTime() + DAY_MS));

  const { quoteTrip } = await rider.QuoteTrip({ input: { pickup: PICKUP, destination: DESTINATION, vehicleTypes: ['ECONOMY'] } });
  const { requestTrip: now } = await rider.RequestTrip({ input: { quoteId: quoteTrip[0]?.id ?? '', paymentMethod: 'CASH', idempotencyKey: randomUUID() } });
  expect(now.status).toBe('SEARCHING');
  await rider.CancelTrip({ tripId: now.id });

  expect((await rider.CancelTrip({ tripId: trip.id })).cancelTrip).toMatchObject({ status: 'CANCELLED' });
  await eventually(async () => (await available(rider)) === before, 'the fare to be free again');
});

test('DP-22: a trip for later that cannot be paid is cancelled at once, weeks before it, and says why', async () => {
  const rider = await graph.newCustomer();
  const { trip } = await later(rider, 21);
  const cancelled = await eventually(async () => {
    const found = (await rider.GetTrip({ id: trip.id })).trip;
    return found?.status === 'CANCELLED' && found;
  }, 'the trip to be cancelled');
  expect(cancelled.id).toBe(trip.id);
  const { data } = await ask<{ trip: { cancelReason: string; payment: { status: string } } }>(
    graph,
    rider.session.accessToken,
    'query($id: ID!) { trip(id: $id) { cancelReason payment { status } } }',
    { id: trip.id },
  );
  expect(data?.trip).toEqual({ cancelReason: 'INSUFFICIENT_FUNDS', payment: { status: 'DECLINED' } });
});
