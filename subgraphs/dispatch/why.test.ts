import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, type Person, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  const config = { ...readDispatchConfig({}), emptyRoundMs: 300, batchMs: 500 };
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, config));
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

const set = async (strategy: string) =>
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { strategy } }, 'strategy'));
const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));
const along = async (pickup: Spot, count: number) => {
  const drivers: OnlineDriver[] = [];
  for (let i = 0; i < count; i += 1) drivers.push(await say.driver(shifted(pickup, 100 + 200 * i)));
  return drivers as [OnlineDriver, OnlineDriver, OnlineDriver, ...OnlineDriver[]];
};
interface Why {
  match: string | null;
  driversAsked: number;
  pickupDistanceM: number | null;
  batch: { riders: number; drivers: number } | null;
}
const why = async (actor: Person, tripId: string) =>
  (
    await t.run<{ trip: { why: Why | null } | null }>(
      actor,
      'query($id: ID!) { trip(id: $id) { why { match driversAsked pickupDistanceM batch { riders drivers } } } }',
      { id: tripId },
    )
  ).data.trip?.why;
/** What both are told, which has to be the same. */
async function toldTo(rider: Person, driver: OnlineDriver, tripId: string): Promise<Why> {
  const told = await why(rider, tripId);
  expect(await why(driver.actor, tripId)).toEqual(told);
  expect(await why(say.rider(), tripId)).toBeUndefined();
  if (!told) throw new Error('nothing is told');
  return told;
}
const takes = async (driver: OnlineDriver) => accepted(await say.accept(driver, (await say.offer(driver)).id));
const refuses = async (driver: OnlineDriver) => accepted(await say.decline(driver, (await say.offer(driver)).id));

test('DP-22b: why, FIRST_ACCEPT: how many were asked at once, and that this one was first; nothing before somebody was', async () => {
  await set('FIRST_ACCEPT');
  const [pickup, rider] = [say.spot(), say.rider()];
  const drivers = await along(pickup, 3);
  const trip = await say.requested(rider, pickup);
  expect(await why(rider, trip.id)).toMatchObject({ match: null });
  await takes(drivers[1]);
  const { match, driversAsked } = await toldTo(rider, drivers[1], trip.id);
  expect(match).toBe(
    'In the first round 3 drivers were asked at once, the best by distance, rating and reliability; this one, 300 m away, accepted first. 3 drivers were asked in all.',
  );
  expect(driversAsked).toBe(3);
});

test('DP-22b: why, SEQUENTIAL: which one in turn, and after five rounds which of many', async () => {
  await set('SEQUENTIAL');
  const [pickup, rider] = [say.spot(), say.rider()];
  const drivers = await along(pickup, 8);
  const trip = await say.requested(rider, pickup);
  await refuses(drivers[0]);
  await takes(drivers[1]);
  expect((await toldTo(rider, drivers[1], trip.id)).match).toBe(
    'Drivers were asked one after the other, the best by distance, rating and reliability first; this one, 300 m away, was number 2 and accepted.',
  );
  accepted(await say.cancel(rider, trip.id));
  const other = await say.requested(rider, pickup);
  for (const _ of [1, 2, 3, 4, 5]) {
    const asked = await eventually(
      async () => (await t.owner`select driver_id from offers where trip_id = ${uuidOf('trp', other.id)} and status = 'PENDING'`)[0],
    );
    await refuses(drivers.find(({ uuid }) => uuid === asked.driver_id) as OnlineDriver);
  }
  const last = await eventually(async () => {
    const open = await t.owner`select driver_id from offers where trip_id = ${uuidOf('trp', other.id)} and status = 'PENDING' and round = 6`;
    return open.length === 3 && drivers.find(({ uuid }) => uuid === open[0]?.driver_id);
  }, 'the others to be asked at once');
  await takes(last);
  expect((await toldTo(rider, last, other.id)).match).toMatch(
    /^After 5 rounds of one driver each, in round 6 3 drivers were asked at once, .* accepted first\. 8 drivers were asked in all\.$/,
  );
});

test('DP-22b: why, BROADCAST_BID: the rider chose a bid, whoever was first', async () => {
  await set('BROADCAST_BID');
  const [pickup, rider] = [say.spot(), say.rider()];
  const drivers = await along(pickup, 3);
  const trip = await say.requested(rider, pickup);
  for (const driver of drivers.slice(0, 2)) {
    const { id: offerId } = await say.offer(driver);
    accepted(
      await say.mutate(driver.actor, 'bidOnOffer', '$input: BidOnOfferInput!', { input: { offerId, amount: { ...trip.quotedFare, currency: 'EGP' } } }, 'id'),
    );
  }
  const bids = accepted(
    await t.run<{ trip: { bids: { id: string; pickupDistanceM: number }[] } }>(rider, `{ trip(id: "${trip.id}") { bids { id pickupDistanceM } } }`),
  ).trip.bids;
  const chosen = bids.find(({ pickupDistanceM }) => pickupDistanceM === 300);
  accepted(await say.mutate(rider, 'chooseBid', '$bidId: ID!', { bidId: chosen?.id }, 'id'));
  expect((await toldTo(rider, drivers[1], trip.id)).match).toBe(
    '3 drivers were asked for a price, and 2 named it; the rider chose this one, 300 m away, by the bid.',
  );
});

test('DP-22b: why, SCHEDULED: asked before the departure; and who stood by is told so', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const departAt = new Date(t.environment.clock().getTime() + 40 * 60_000).toISOString();
  const [quote] = accepted(await say.quotes(rider, pickup, undefined, { vehicleTypes: ['ECONOMY'], departAt })).quoteTrip;
  const trip = accepted(await say.request(rider, quote?.id ?? '')).answer!;
  // Both are on the road, and not silent, before the search begins: rounds that find nobody are over within two seconds. The second is too far for the
  // first round and near enough to stand by.
  skip(24.5 * 60_000);
  const [first, second] = [await say.driver(shifted(pickup, 100)), await say.driver(shifted(pickup, 6_000))];
  skip(45_000);
  await takes(first);
  expect((await toldTo(rider, first, trip.id)).match).toMatch(
    /^A quarter of an hour before the departure, in .*round.* one driver was asked, .*: this one, 100 m away, accepted\. Nobody else was asked\.$/,
  );
  await takes(second);
  expect((await toldTo(rider, first, trip.id)).driversAsked, 'to stand by is something else').toBe(1);
  accepted(await say.cancel(first.actor, trip.id, 'flat tyre'));
  expect((await toldTo(rider, second, trip.id)).match).toContain('stood by for the one who had the trip before');
});

test('DP-22b: why, BATCHED: who was looked at together; at an airport: the line, under any strategy', async () => {
  await set('BATCHED');
  const [pickup, rider] = [say.spot(), say.rider()];
  const [near] = await along(pickup, 1);
  const trip = await say.requested(rider, pickup);
  await takes(near);
  expect(await toldTo(rider, near, trip.id)).toMatchObject({
    match: 'One rider and one free driver were matched together, for the least waiting in all. This driver was the nearest.',
    batch: { riders: 1, drivers: 1 },
  });

  const airport = say.spot();
  const polygon = [
    shifted(airport, -600, -600),
    shifted(airport, -600, 600),
    shifted(airport, 600, 600),
    shifted(airport, 600, -600),
    shifted(airport, -600, -600),
  ];
  accepted(await say.mutate(say.admin, 'createZone', '$input: CreateZoneInput!', { input: { kind: 'AIRPORT_QUEUE', name: 'Airport', polygon } }, 'id'));
  const [first, nearer] = [await say.driver(shifted(airport, 500)), await say.driver(shifted(airport, 550))];
  const place = async (driver: OnlineDriver) =>
    accepted(await t.run<{ myDriver: { airportQueue: { position: number } | null } }>(driver.actor, '{ myDriver { airportQueue { position } } }')).myDriver
      .airportQueue;
  accepted(await say.move(first, shifted(airport, 500), 1));
  await eventually(async () => (await place(first))?.position === 1, 'the first in line');
  accepted(await say.move(nearer, shifted(airport, 100), 2));
  await eventually(async () => (await place(nearer))?.position === 2, 'the second in line');
  // Positions reach Postgres in batches, apart from the line; matching looks at both.
  await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id in ${t.owner([first.uuid, nearer.uuid])}`).length === 2);
  for (const strategy of ['FIRST_ACCEPT', 'BATCHED']) {
    await set(strategy);
    const waiting = say.rider();
    const ride = await say.requested(waiting, airport);
    await takes(first);
    expect((await toldTo(waiting, first, ride.id)).match, strategy).toBe(
      'At an airport drivers wait in line; this one, 500 m away, had waited longest of all who fit, and accepted. Nobody else was asked.',
    );
    accepted(await say.cancel(waiting, ride.id));
    // Who took a trip waits again from the end of the line: the other one goes home.
    accepted(await say.goOffline(nearer));
    accepted(await say.move(first, shifted(airport, 500), 3));
    await eventually(async () => (await place(first))?.position === 1, 'the first to be in line again');
  }
});
