import { afterAll, beforeAll, expect, test } from 'vitest';
import { savedOperations } from '../given/savedOperations.js';
import { drivenTrip, NO_REST, offeredTrip, owedTrip } from '../given/savedRides.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one', NO_REST);
});
afterAll(() => graph[Symbol.asyncDispose]());

/** What a device would have said so many minutes ago that the time is. */
const clock = (minutesAgo = 0) => new Date(Date.now() - minutesAgo * 60_000).toISOString();

test('GW-50: every saved operation of rides and of matching runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const operations = savedOperations(graph);
  const { run, firstEvent, notRun } = operations;

  // A driver comes to work, and is seen.
  expect((await run('Ride 1')).goOnline.state).toBe('AVAILABLE');
  expect((await run('Ride 2', { input: { recordedAt: clock() } })).updateLocation.accepted).toBe(1);
  expect((await run('Ride 20', { input: [{ recordedAt: clock(10) }] })).updateLocations).toMatchObject({ accepted: 1, rejections: [] });
  expect((await run('Ride 19')).myDriver).toMatchObject({ approval: 'APPROVED', state: 'AVAILABLE', standing: 'GOOD' });
  await eventually(async () => (await run('Ride 16')).nearbyDrivers.length === 1, 'the car on the map');
  expect((await firstEvent('Ride 17')).nearbyDriversUpdated).toMatchObject([{ vehicleType: 'ECONOMY' }]);
  expect((await run('Ride 18')).zones).toEqual([]);

  // A trip, which somebody at home follows for a while.
  expect((await run('Matching 1')).matchingSettings).toEqual({ strategy: 'FIRST_ACCEPT', boardingPin: false });
  const { trip, offer } = await offeredTrip(operations);
  expect((await run('Ride 21', { id: trip.id })).trip).toMatchObject({ status: 'SEARCHING', strategy: 'FIRST_ACCEPT' });
  expect((await firstEvent('Ride 6', { tripId: trip.id })).tripUpdates).toMatchObject({ kind: 'SNAPSHOT', status: 'SEARCHING' });
  expect((await run('Ride 7', { offerId: offer.id })).acceptOffer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  const { token } = (await run('Ride 25', { tripId: trip.id })).shareTrip;
  expect((await run('Ride 26', { token })).sharedTrip).toMatchObject({ status: 'ACCEPTED', driver: { firstName: 'Hassan' } });
  expect((await firstEvent('Ride 27', { token })).sharedTripUpdates).toMatchObject({ kind: 'SNAPSHOT', status: 'ACCEPTED' });
  expect((await run('Ride 28', { tripId: trip.id })).stopSharing).toBe(1);
  await drivenTrip(operations, trip.id, 'CAPTURED');
  expect((await run('Ride 12', { input: { tripId: trip.id } })).rateTrip.status).toBe('COMPLETED');

  // What the rider thinks of the driver, and then not any more.
  expect((await run('Ride 29', { tripId: trip.id })).favouriteDriver.kind).toBe('FAVOURITE');
  const { blockDriver } = await run('Ride 30', { tripId: trip.id });
  expect(blockDriver.kind).toBe('BLOCKED');
  expect((await run('Ride 31')).myDrivers).toMatchObject([{ kind: 'BLOCKED', driver: { id: blockDriver.driver.id } }]);
  expect((await run('Ride 32', { driverId: blockDriver.driver.id })).forgetDriver).toBe(true);

  // The city lets drivers name their prices. This rider chooses one, and then stays at home after all.
  expect((await run('Matching 2')).setMatchingStrategy).toEqual({ strategy: 'BROADCAST_BID', boardingPin: false });
  const { trip: wanted, offer: bidding } = await offeredTrip(operations);
  expect(bidding.terms).toBe('BID');
  const least = bidding.bidBounds.least.amount;
  expect((await run('Ride 22', { input: { offerId: bidding.id, amount: { amount: least } } })).bidOnOffer.bid.amount).toBe(least);
  const { tripBids } = await firstEvent('Ride 23', { tripId: wanted.id });
  expect(tripBids).toMatchObject([{ amount: { amount: least } }]);
  expect((await run('Ride 24', { bidId: tripBids[0].id })).chooseBid).toMatchObject({ id: wanted.id, status: 'ACCEPTED', agreedFare: { amount: least } });
  expect((await run('Ride 13', { tripId: wanted.id })).cancelTrip.status).toBe('CANCELLED');
  expect((await run('Matching 2', { input: { strategy: 'FIRST_ACCEPT' } })).setMatchingStrategy.strategy).toBe('FIRST_ACCEPT');

  // A debt, which the wallet pays.
  const owed = await owedTrip(operations);
  expect((await run('Ride 33', { paymentId: owed.id })).settleDebt).toMatchObject({ status: 'CAPTURED', owed: { amount: '0.00' } });

  // The last offer of the day is too far.
  const { trip: last, offer: unwanted } = await offeredTrip(operations);
  await run('Ride 14', { offerId: unwanted.id });
  await run('Ride 13', { tripId: last.id });
  expect((await run('Ride 15')).goOffline.state).toBe('OFFLINE');
  expect((await run('Matching 3')).matchingHealth.searching).toBe(0);
  await run('Matching 4');
  expect((await run('Matching 4', { from: clock(60), to: clock(-1) })).matchingMetrics).toMatchObject({ requested: 4, matched: 3 });

  // A new one has to be added here.
  expect(notRun('Ride', 'Matching')).toEqual([]);
});
