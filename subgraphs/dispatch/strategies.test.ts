import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { ranked } from './matching.js';
import { strategiesFor } from './strategies.js';
import type { MatchingRequest, MatchingStrategy } from './strategy.js';

const config = { ...readDispatchConfig({}), emptyRoundMs: 300 };
/** Requests of each tick that the strategy of the test has decided for. */
const ticks: (readonly MatchingRequest[])[] = [];
/** Decides for all open searches at once: each driver goes to the first search that names him. Stands in for SEQUENTIAL while a test says so. */
const together: MatchingStrategy = {
  tickMs: 500,
  lookAround: ({ round }) => (round <= 20 ? 5 : null),
  decide: (requests, now) => {
    ticks.push(requests);
    const taken = new Set<string>();
    return requests.map(({ search, radiusKm, candidates }) => {
      const [best] = ranked(
        candidates.filter(({ driverId }) => !taken.has(driverId)),
        { vehicleType: search.vehicleType, radiusKm },
        now,
      );
      if (best) taken.add(best.driverId);
      return { ranked: best ? [best.driverId] : [], atMost: 1, answerMs: 15_000, terms: 'TAKE' };
    });
  },
};

let t: TestSubgraph;
let say: ReturnType<typeof given>;
let running: Subgraph;

beforeAll(async () => {
  t = await startTestSubgraph('dispatch', async (environment) => {
    running = await startDispatch(environment, config);
    return {
      ...running,
      execute: (request, caller) => running.execute(request, caller),
      subscribe: (request, caller) => running.subscribe(request, caller),
      stop: () => running.stop(),
    };
  });
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

async function restart(strategies = strategiesFor(config)): Promise<void> {
  await running.stop();
  running = await startDispatch(t.environment, config, strategies);
}
const set = (input: Record<string, unknown>, actor = say.admin) =>
  say.mutate<{ strategy: string; boardingPin: boolean }>(actor, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input }, 'strategy boardingPin');
const offersOf = async (tripId: string) =>
  (
    await t.owner`select driver_id, round, status, terms, expires_at from offers where trip_id = ${uuidOf('trp', tripId)} order by round, created_at, pickup_distance_m`
  ).map((row) => ({ driver: row.driver_id as string, round: row.round as number, status: row.status as string, terms: row.terms as string }));
const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));

test('DP-22: the strategy of a city is an admin’s to set; a trip keeps the one that it was requested under', async () => {
  expect((await set({ strategy: 'SEQUENTIAL' }, say.rider())).codes).toEqual(['FORBIDDEN']);
  const { codes, errors } = await set({ strategy: 'SCHEDULED' });
  expect(codes).toEqual(['VALIDATION_ERROR']);
  expect(errors[0]?.extensions.details).toMatchObject({ field: 'input.strategy' });
  expect(accepted(await set({ strategy: 'SEQUENTIAL' })).answer).toEqual({ strategy: 'SEQUENTIAL', boardingPin: false });
  const [rider, pickup] = [say.rider(), say.spot()];
  const trip = await say.requested(rider, pickup);
  accepted(await set({ strategy: 'FIRST_ACCEPT' }));
  const strategyOf = async () => accepted(await t.run<{ trip: { strategy: string } }>(rider, `{ trip(id: "${trip.id}") { strategy } }`)).trip.strategy;
  expect(await strategyOf()).toBe('SEQUENTIAL');
  expect(accepted(await t.run(say.admin, '{ matchingSettings { strategy boardingPin } }'))).toEqual({
    matchingSettings: { strategy: 'FIRST_ACCEPT', boardingPin: false },
  });
  accepted(await say.cancel(rider, trip.id));
});

test('DP-22: SEQUENTIAL asks one after the other, 10 s each; after five all others at once; a restart in the middle changes nothing', async () => {
  accepted(await set({ strategy: 'SEQUENTIAL' }));
  const pickup = say.spot();
  const drivers: OnlineDriver[] = [];
  for (let i = 0; i < 8; i += 1) drivers.push(await say.driver(shifted(pickup, 100 + 300 * i)));
  const [first, second] = drivers as [OnlineDriver, OnlineDriver];
  const trip = await say.requested(say.rider(), pickup);
  const made = async (count: number) => eventually(async () => (await offersOf(trip.id)).length === count && offersOf(trip.id), `${count} offers`);
  expect(await made(1)).toMatchObject([{ driver: first.uuid, status: 'PENDING' }]);
  accepted(await say.decline(first, (await say.offer(first)).id));
  await made(2);
  const { expiresAt } = await say.offer(second);
  expect(new Date(expiresAt).getTime() - t.environment.clock().getTime()).toBeLessThanOrEqual(10_000);
  await restart();
  // The second says nothing.
  skip(10_500);
  for (const driver of drivers) accepted(await say.move(driver, shifted(pickup, 100 + 300 * drivers.indexOf(driver))));
  await made(3);
  for (const driver of drivers.slice(2, 5)) accepted(await say.decline(driver, (await say.offer(driver)).id));
  const all = await made(8);
  expect(all.map((offer) => offer.driver)).toEqual(drivers.map((driver) => driver.uuid));
  expect(all.map((offer) => offer.round)).toEqual([1, 2, 3, 4, 5, 6, 6, 6]);
  expect(all.map((offer) => offer.status)).toEqual(['DECLINED', 'EXPIRED', 'DECLINED', 'DECLINED', 'DECLINED', 'PENDING', 'PENDING', 'PENDING']);
  const last = drivers[7] as OnlineDriver;
  expect(accepted(await say.accept(last, (await say.offer(last)).id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
  expect(await Promise.all(drivers.map((driver) => say.stateOf(driver)))).toEqual([...Array(7).fill('AVAILABLE'), 'BUSY']);
});

const bid = (driver: OnlineDriver, offerId: string, amount: string, currency = 'EGP') =>
  say.mutate<{ bid: { amount: string }; estimatedEarnings: { amount: string } }>(
    driver.actor,
    'bidOnOffer',
    '$input: BidOnOfferInput!',
    { input: { offerId, amount: { amount, currency } } },
    'bid { amount } estimatedEarnings { amount }',
  );
const bidsOf = async (actor: Parameters<typeof t.run>[0], tripId: string) =>
  (
    await t.run<{ trip: { bids: { id: string; amount: { amount: string } }[] } | null }>(
      actor,
      `{ trip(id: "${tripId}") { bids { id amount { amount } rating completedTrips } } }`,
    )
  ).data.trip?.bids;
const choose = (actor: Parameters<typeof t.run>[0], bidId: string) =>
  say.mutate<{ status: string; agreedFare: { amount: string }; driver: { id: string } }>(
    actor,
    'chooseBid',
    '$bidId: ID!',
    { bidId },
    'status agreedFare { amount } driver { id }',
  );

test('DP-22: BROADCAST_BID: drivers name prices within bounds, the rider sees them as they come and chooses; that is the fare', async () => {
  accepted(await set({ strategy: 'BROADCAST_BID' }));
  const [pickup, rider, stranger] = [say.spot(), say.rider(), say.rider()];
  const drivers = [await say.driver(pickup), await say.driver(shifted(pickup, 200)), await say.driver(shifted(pickup, 400))] as const;
  const trip = await say.requested(rider, pickup);
  const quoted = Number(trip.quotedFare.amount);
  const offers = await Promise.all(drivers.map((driver) => say.offer(driver)));
  const [first, second, third] = offers.map((offer) => offer.id) as [string, string, string];
  expect((await say.accept(drivers[0], first)).codes).toEqual(['BID_REQUIRED']);
  const tooMuch = await bid(drivers[0], first, (quoted + 0.5).toFixed(2));
  expect(tooMuch.codes).toEqual(['BID_OUT_OF_BOUNDS']);
  expect(tooMuch.errors[0]?.extensions.details).toMatchObject({ field: 'input.amount', rule: 'bid_bounds', mostMinor: String(Math.round(quoted * 100)) });
  expect((await bid(drivers[0], first, (quoted * 0.5).toFixed(2))).codes).toEqual(['BID_OUT_OF_BOUNDS']);
  expect((await bid(drivers[0], first, (quoted - 0.25).toFixed(2))).codes).toEqual(['BID_OUT_OF_BOUNDS']);
  expect((await bid(drivers[0], first, '5.00', 'USD')).codes).toEqual(['VALIDATION_ERROR']);
  expect((await bid(drivers[0], second, '5.00')).codes, 'somebody else’s offer').toEqual(['NOT_FOUND']);

  const watching = await say.stream(rider, 'subscription($id: ID!) { tripBids(tripId: $id) { amount { amount } } }', { id: trip.id });
  expect((await watching.next()).value.data).toEqual({ tripBids: [] });
  const [dear, cheap] = [quoted.toFixed(2), (quoted - 5).toFixed(2)];
  expect(accepted(await bid(drivers[0], first, dear)).answer?.bid).toEqual({ amount: dear });
  expect((await watching.next()).value.data).toEqual({ tripBids: [{ amount: { amount: dear } }] });
  expect(accepted(await bid(drivers[1], second, cheap)).answer?.bid).toEqual({ amount: cheap });
  expect((await watching.next()).value.data).toEqual({ tripBids: [{ amount: { amount: cheap } }, { amount: { amount: dear } }] });
  expect(accepted(await bid(drivers[1], second, cheap)).answer?.bid, 'repeated').toEqual({ amount: cheap });
  expect((await bid(drivers[1], second, dear)).codes).toEqual(['ALREADY_BID']);

  const bids = await bidsOf(rider, trip.id);
  expect(bids?.map((one) => one.amount.amount)).toEqual([cheap, dear]);
  expect(await bidsOf(stranger, trip.id)).toBeUndefined();
  const refused = await say.subscribe(stranger, 'subscription($id: ID!) { tripBids(tripId: $id) { id } }', { id: trip.id });
  expect('errors' in refused && refused.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
  const chosen = bids?.[0]?.id ?? '';
  expect((await choose(stranger, chosen)).codes).toEqual(['NOT_FOUND']);
  expect((await choose(drivers[1].actor, chosen)).codes).toEqual(['NOT_FOUND']);
  expect((await choose(rider, third.replace('ofr_', 'bid_'))).codes, 'an offer without a bid').toEqual(['NOT_FOUND']);
  expect(accepted(await choose(rider, chosen)).answer).toEqual({ status: 'ACCEPTED', agreedFare: { amount: cheap }, driver: { id: drivers[1].id } });
  expect(accepted(await choose(rider, chosen)).answer, 'repeated').toMatchObject({ status: 'ACCEPTED' });
  expect((await choose(rider, bids?.[1]?.id ?? '')).codes).toEqual(['TRIP_TAKEN']);
  expect((await watching.next()).done).toBe(true);
  expect(await Promise.all(drivers.map((driver) => say.stateOf(driver)))).toEqual(['AVAILABLE', 'BUSY', 'AVAILABLE']);
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(drivers[1], step, trip.id));
  expect(await say.trip(rider, trip.id)).toMatchObject({ finalFare: { amount: cheap }, quotedFare: { amount: quoted.toFixed(2) } });
  expect((await t.emitted('trip.completed')).at(-1)).toMatchObject({ fareMinor: String(Math.round((quoted - 5) * 100)) });
});

test('DP-24: bids outlive a crash; nobody chooses: the bids are over after a minute, and others are asked', async () => {
  accepted(await set({ strategy: 'BROADCAST_BID' }));
  const [pickup, rider] = [say.spot(), say.rider()];
  const [bidder, silent] = [await say.driver(pickup), await say.driver(shifted(pickup, 100))];
  const trip = await say.requested(rider, pickup);
  const offer = await say.offer(bidder);
  accepted(await bid(bidder, offer.id, trip.quotedFare.amount));
  await restart();
  expect((await bidsOf(rider, trip.id))?.length).toBe(1);
  skip(31_000);
  await eventually(async () => (await say.stateOf(silent)) === 'AVAILABLE', 'the silent driver to be free');
  const late = (await bidsOf(rider, trip.id))?.[0]?.id ?? '';
  expect(late).not.toBe('');
  expect(await say.stateOf(bidder)).toBe('OFFERED');
  const next = await say.driver(shifted(pickup, 300));
  skip(31_000);
  accepted(await say.move(next, shifted(pickup, 300)));
  await eventually(async () => (await say.stateOf(bidder)) === 'AVAILABLE', 'the bidder to be free');
  expect((await choose(rider, late)).codes).toEqual(['OFFER_EXPIRED']);
  await eventually(async () => (await offersOf(trip.id)).some((made) => made.driver === next.uuid && made.status === 'PENDING'), 'the next to be asked');
  accepted(await say.cancel(rider, trip.id));
});

async function later(pickup: Spot, rider = say.rider()) {
  const departAt = new Date(t.environment.clock().getTime() + 3_600_000).toISOString();
  const [quote] = accepted(await say.quotes(rider, pickup, undefined, { vehicleTypes: ['ECONOMY'], departAt })).quoteTrip;
  const trip = accepted(await say.request(rider, quote?.id ?? '')).answer;
  if (!trip) throw new Error('no trip');
  return { trip, rider };
}

test('DP-22: SCHEDULED: asked 15 minutes before; a second driver stands by, and steps in when the first cancels; then the search goes on', async () => {
  accepted(await set({ strategy: 'FIRST_ACCEPT' }));
  const pickup = say.spot();
  const { trip, rider } = await later(pickup);
  skip(44.25 * 60_000);
  const [first, second, third] = [await say.driver(pickup), await say.driver(shifted(pickup, 300)), await say.driver(shifted(pickup, 600))] as const;
  const sixth = await say.driver(shifted(pickup, 50));
  accepted(await say.goOffline(sixth));
  await restart();
  expect(await offersOf(trip.id)).toEqual([]);
  // Where they are is known before the search begins, so that its first round asks all three.
  for (const driver of [first, second, third]) accepted(await say.move(driver, pickup));
  skip(50_000);
  await eventually(async () => (await offersOf(trip.id)).length === 3, 'the drivers to be asked');
  // There before anybody accepts: whoever stands by is looked for twice, right after that. The other two were asked for the trip and are not asked again.
  const [fourth, fifth] = [await say.driver(shifted(pickup, 100)), await say.driver(shifted(pickup, 200))] as const;
  accepted(await say.accept(first, (await say.offer(first)).id));
  await restart();
  const standby = await eventually(async () => {
    const open = (await offersOf(trip.id)).filter((offer) => offer.status === 'PENDING' && offer.terms === 'STAND_BY');
    return open.length > 0 && open;
  }, 'somebody to be asked to stand by');
  const one = standby[0]?.driver === fourth.uuid ? fourth : fifth;
  const offer = await say.offer(one);
  accepted(await say.accept(one, offer.id));
  expect(accepted(await say.accept(one, offer.id)).answer, 'repeated').toMatchObject({ id: trip.id });
  expect(await say.stateOf(one)).toBe('AVAILABLE');
  expect((await offersOf(trip.id)).filter((made) => made.status === 'STANDBY')).toHaveLength(1);
  expect((await say.trip(one.actor, trip.id))?.id, 'who stands by is no party').toBeUndefined();

  const watching = await say.stream(first.actor, 'subscription($id: ID!) { tripUpdates(tripId: $id) { kind status } }', { id: trip.id });
  expect((await watching.next()).value.data).toEqual({ tripUpdates: { kind: 'SNAPSHOT', status: 'ACCEPTED' } });
  accepted(await say.cancel(first.actor, trip.id, 'flat tyre'));
  const rest: unknown[] = [];
  for await (const { data } of watching) rest.push(data);
  expect(rest, 'the former driver sees nothing of what follows').toEqual([]);
  expect(await say.trip(first.actor, trip.id)).toBeNull();
  expect(await say.trip(rider, trip.id)).toMatchObject({ status: 'ACCEPTED', sequence: 5, driver: { id: one.id } });
  expect(await say.stateOf(first)).toBe('AVAILABLE');
  expect((await say.accept(first, 'ofr_01j0000000e00800g000000001')).codes).toEqual(['NOT_FOUND']);

  accepted(await say.cancel(one.actor, trip.id));
  expect(await say.trip(rider, trip.id)).toMatchObject({ status: 'SEARCHING', sequence: 6, driver: null });
  accepted(await say.goOnline(sixth, shifted(pickup, 50)));
  await eventually(async () => (await offersOf(trip.id)).some((made) => made.driver === sixth.uuid && made.status === 'PENDING'), 'the sixth to be asked');
  accepted(await say.accept(sixth, (await say.offer(sixth)).id));
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(sixth, step, trip.id));
  const states = await t.owner`select sequence, status from trip_states where trip_id = ${uuidOf('trp', trip.id)} order by sequence`;
  expect(states.map((state) => state.status)).toEqual([
    'REQUESTED',
    'SEARCHING',
    'ACCEPTED',
    'SEARCHING',
    'ACCEPTED',
    'SEARCHING',
    'ACCEPTED',
    'DRIVER_ARRIVED',
    'STARTED',
    'COMPLETED',
  ]);
  expect(states.map((state) => state.sequence)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const pending = await t.owner`select 1 from offers where trip_id = ${uuidOf('trp', trip.id)} and status in ('PENDING', 'STANDBY')`;
  expect(pending).toHaveLength(0);
});

test('DP-23b: where the city asks for a PIN, the ride begins with it alone; it cannot be guessed, and only the rider has it', async () => {
  accepted(await set({ strategy: 'FIRST_ACCEPT', boardingPin: true }));
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup');
  accepted(await set({ boardingPin: false }));
  const pinFor = async (actor: Parameters<typeof t.run>[0]) =>
    accepted(await t.run<{ trip: { boardingPin: string | null } }>(actor, `{ trip(id: "${trip.id}") { boardingPin } }`)).trip.boardingPin;
  const pin = await pinFor(rider);
  expect(pin).toMatch(/^\d{4}$/);
  expect(await pinFor(driver.actor)).toBeNull();
  expect(await pinFor(say.admin)).toBeNull();
  const start = (boardingPin?: string) =>
    say.mutate<{ status: string }>(driver.actor, 'startTrip', '$tripId: ID!, $boardingPin: String', { tripId: trip.id, boardingPin }, 'status');
  expect((await start()).codes).toEqual(['BOARDING_PIN_REQUIRED']);
  const wrong = pin === '0000' ? '1111' : '0000';
  for (let left = 4; left >= 0; left -= 1) {
    const { codes, errors } = await start(wrong);
    expect(codes).toEqual(['BOARDING_PIN_WRONG']);
    expect(errors[0]?.extensions.details).toMatchObject({ field: 'boardingPin', attemptsLeft: left });
  }
  expect((await start(pin ?? '')).codes).toEqual(['BOARDING_PIN_LOCKED']);
  expect((await say.trip(rider, trip.id))?.status).toBe('DRIVER_ARRIVED');
  skip(61_000);
  expect(accepted(await start(pin ?? '')).answer).toEqual({ status: 'STARTED' });
  expect(accepted(await start()).answer, 'repeated').toEqual({ status: 'STARTED' });
});

test('a strategy that decides in ticks gets all open searches at once, and outlives a restart', async () => {
  await restart({ ...strategiesFor(config), SEQUENTIAL: together });
  accepted(await set({ strategy: 'SEQUENTIAL' }));
  const pickup = say.spot();
  const trips = [await say.requested(say.rider(), pickup), await say.requested(say.rider(), shifted(pickup, 50)), await say.requested(say.rider(), pickup)];
  await eventually(() => ticks.some((requests) => requests.length === 3), 'a tick with all three');
  await restart({ ...strategiesFor(config), SEQUENTIAL: together });
  const drivers = [await say.driver(shifted(pickup, 100)), await say.driver(shifted(pickup, 200))];
  for (const driver of drivers) {
    await eventually(async () => (await say.stateOf(driver)) === 'OFFERED', 'each driver to have an offer');
  }
  const asked = (await Promise.all(trips.map((trip) => offersOf(trip.id)))).flat();
  expect(asked.map((offer) => offer.driver).sort()).toEqual(drivers.map((driver) => driver.uuid).sort());
  // One declines: his trip is in the pool again, and the third driver gets one of the two that wait.
  const [first] = drivers as [OnlineDriver];
  accepted(await say.decline(first, (await say.offer(first)).id));
  const third = await say.driver(shifted(pickup, 300));
  await eventually(async () => (await say.stateOf(third)) === 'OFFERED', 'the third driver to have an offer');
  // Nobody is left: after twenty ticks the searches end.
  for (const driver of [...drivers, third]) accepted(await say.goOffline(driver));
  await eventually(async () => (await t.owner`select 1 from trips where status = 'SEARCHING' and strategy = 'SEQUENTIAL'`).length === 0, 'the searches to end');
  await restart();
});
