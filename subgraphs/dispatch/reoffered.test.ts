import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { appUrl } from '../../platform/migrate.js';
import { connectDatabase, inTransaction } from '../../platform/postgres.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, type Person, type Spot, shifted } from './dispatch.given.js';
import { earningsOf } from './fare.js';
import { startDispatch } from './main.js';
import { candidatesFor } from './offerQueries.js';
import { tripsByIds } from './tripQueries.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), emptyRoundMs: 300 }));
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));
const set = async (strategy: string) =>
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { strategy } }, 'strategy'));
const quoteChange = async (rider: Person, tripId: string, destination: Spot) => {
  const answer = await say.mutate<{ id: string; price: { amount: string } }>(
    rider,
    'quoteDestinationChange',
    '$tripId: ID!, $destination: PointInput!',
    { tripId, destination },
    'id price { amount }',
  );
  return accepted(answer).answer!;
};
const change = (rider: Person, tripId: string, quoteId: string) =>
  say.mutate<{ agreedFare: { amount: string } }>(rider, 'changeDestination', '$tripId: ID!, $quoteId: ID!', { tripId, quoteId }, 'agreedFare { amount }');
const bid = (driver: OnlineDriver, offerId: string, amount: string) =>
  say.mutate<{ id: string }>(driver.actor, 'bidOnOffer', '$input: BidOnOfferInput!', { input: { offerId, amount: { amount, currency: 'EGP' } } }, 'id');
const choose = (rider: Person, bidId: string) =>
  say.mutate<{ status: string; agreedFare: { amount: string } }>(rider, 'chooseBid', '$bidId: ID!', { bidId }, 'status agreedFare { amount }');
const minor = (amount: string) => BigInt(Math.round(Number(amount) * 100));
const nextOffer = (driver: OnlineDriver, after: string) =>
  eventually(async () => {
    const offer = (await say.stateOf(driver)) === 'OFFERED' && (await say.offer(driver));
    return offer && offer.id !== after && offer;
  }, 'another offer');

test('DP-16, DP-22: who goes far while bids for a short way stand cannot choose one of them; the drivers are asked again, at the new price', async () => {
  await set('BROADCAST_BID');
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.requested(rider, pickup);
  const short = await say.offer(driver);
  accepted(await bid(driver, short.id, trip.quotedFare.amount));
  const far = await quoteChange(rider, trip.id, shifted(pickup, 20_000));
  expect(minor(far.price.amount)).toBeGreaterThan(2n * minor(trip.quotedFare.amount));
  accepted(await change(rider, trip.id, far.id));
  expect((await choose(rider, short.id.replace('ofr_', 'bid_'))).codes).toEqual(['OFFER_EXPIRED']);

  const long = await nextOffer(driver, short.id);
  expect(minor(long.estimatedEarnings.amount)).toBe(earningsOf(minor(far.price.amount), 'ECONOMY'));
  expect((await bid(driver, long.id, trip.quotedFare.amount)).codes, 'less than 60 % of the new price').toEqual(['BID_OUT_OF_BOUNDS']);
  accepted(await bid(driver, long.id, far.price.amount));
  expect(accepted(await choose(rider, long.id.replace('ofr_', 'bid_'))).answer).toEqual({ status: 'ACCEPTED', agreedFare: far.price });
  accepted(await say.cancel(rider, trip.id));
});

test('DP-16, DP-22: a bid is chosen and the destination changed at the same moment: never the far way for the price of the short one', async () => {
  await set('BROADCAST_BID');
  const pickup = say.spot();
  for (let i = 0; i < 6; i += 1) {
    const [rider, driver] = [say.rider(), await say.driver(pickup)];
    const trip = await say.requested(rider, pickup);
    const offer = await say.offer(driver);
    accepted(await bid(driver, offer.id, trip.quotedFare.amount));
    const far = await quoteChange(rider, trip.id, shifted(pickup, 20_000));
    const [chosen, changed] = await Promise.all([choose(rider, offer.id.replace('ofr_', 'bid_')), change(rider, trip.id, far.id)]);
    expect(changed.codes).toEqual([]);
    expect([[], ['OFFER_EXPIRED']]).toContainEqual(chosen.codes);
    const { data } = await t.run<{ trip: { agreedFare: { amount: string } } }>(rider, `{ trip(id: "${trip.id}") { agreedFare { amount } } }`);
    expect(data.trip.agreedFare).toEqual(far.price);
    accepted(await say.cancel(rider, trip.id));
    accepted(await say.goOffline(driver));
  }
});

test('DP-16: an offer at a fixed price is made anew too; the old one cannot be accepted', async () => {
  await set('FIRST_ACCEPT');
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.requested(rider, pickup);
  const short = await say.offer(driver);
  const far = await quoteChange(rider, trip.id, shifted(pickup, 15_000));
  accepted(await change(rider, trip.id, far.id));
  expect((await say.accept(driver, short.id)).codes).toEqual(['OFFER_EXPIRED']);
  const long = await nextOffer(driver, short.id);
  expect(minor(long.estimatedEarnings.amount)).toBe(earningsOf(minor(far.price.amount), 'ECONOMY'));
  expect(accepted(await say.accept(driver, long.id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(driver, step, trip.id));
  expect(await say.trip(rider, trip.id)).toMatchObject({ finalFare: far.price });
});

const record = async (driver: OnlineDriver) => {
  const [row] = await t.owner`select offered_count, accepted_count from drivers where id = ${driver.uuid}`;
  return { offered: row?.offered_count as number, accepted: row?.accepted_count as number };
};

test('DP-21: who loses a race, is asked for nothing, or is not chosen has not refused; who declines or keeps silent has', async () => {
  await set('FIRST_ACCEPT');
  const [pickup, rider] = [say.spot(), say.rider()];
  const drivers = [await say.driver(pickup), await say.driver(pickup), await say.driver(pickup), await say.driver(pickup)] as const;
  const [winner, loser, refuser, silent] = drivers;
  const trip = await say.requested(rider, pickup);
  const offers = new Map(await Promise.all(drivers.map(async (driver) => [driver, (await say.offer(driver)).id] as const)));
  accepted(await say.decline(refuser, offers.get(refuser) ?? ''));
  accepted(await say.accept(winner, offers.get(winner) ?? ''));
  expect(await Promise.all([winner, loser, refuser].map(record))).toEqual([
    { offered: 1, accepted: 1 },
    { offered: 0, accepted: 0 },
    { offered: 1, accepted: 0 },
  ]);
  accepted(await say.cancel(rider, trip.id));
  for (const driver of [winner, loser, refuser]) accepted(await say.goOffline(driver));

  const asked = await say.requested(rider, pickup);
  await say.offer(silent);
  skip(16_000);
  await eventually(async () => (await say.stateOf(silent)) !== 'OFFERED', 'the offer to be over');
  expect(await record(silent)).toEqual({ offered: 1, accepted: 0 });
  await say.cancel(rider, asked.id);
  accepted(await say.goOffline(silent));

  await set('BROADCAST_BID');
  t.setClock(new Date());
  const bidder = await say.driver(pickup);
  const auction = await say.requested(rider, pickup);
  accepted(await bid(bidder, (await say.offer(bidder)).id, auction.quotedFare.amount));
  skip(61_000);
  await eventually(async () => (await say.stateOf(bidder)) !== 'OFFERED', 'the bid to be over');
  expect(await record(bidder)).toEqual({ offered: 0, accepted: 0 });
});

test('DP-21: what matching knows of a driver: trips that were cancelled are no work, and bids that nobody chose no refusals', async () => {
  await set('FIRST_ACCEPT');
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip', 'completeTrip');
  skip(61_000);
  await eventually(async () => (await say.stateOf(driver)) === 'AVAILABLE', 'the rest to be over');
  accepted(await say.move(driver, pickup));
  const cancelled = await say.ride(rider, driver, pickup);
  accepted(await say.cancel(rider, cancelled.id));
  await t.owner`insert into offers (id, trip_id, driver_id, driver_user_id, status, revision, round, terms, bid_minor, pickup_distance_m, earnings_minor, currency, created_at, expires_at)
    select gen_random_uuid(), id, ${driver.uuid}, ${driver.actor.id}, 'EXPIRED', 7, 1, 'BID', 100, 1, 100, 'EGP', now(), now() from trips where id = ${uuidOf('trp', cancelled.id)}`;
  const url = appUrl(t.environment.databaseUrl, 'dispatch', TEST_SECRET);
  const db = connectDatabase({ url, log: createLog({ service: 'test', level: 'fatal' }), clock: t.environment.clock, applicationName: 'test' });
  const other = await say.requested(say.rider(), shifted(pickup, 26_000));
  const [known] = await inTransaction(systemActor('test'), db, { traceId: '0'.repeat(32), causationId: 'test' }, async (tx) => {
    const [trip] = await tripsByIds(tx.orm, [uuidOf('trp', other.id) ?? '']);
    return (await candidatesFor(tx.orm, [{ trip: trip!, driverIds: [driver.uuid] }], tx.now))[0] ?? [];
  });
  await db.close();
  expect(known).toMatchObject({ recentTrips: 1, offeredCount: 2, acceptedCount: 2, answers: { taken: 2, refused: 0 } });
});
