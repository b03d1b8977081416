import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

const config = { ...readDispatchConfig({}), emptyRoundMs: 300 };
let t: TestSubgraph;
let say: ReturnType<typeof given>;
let running: Subgraph;
let redis: Redis;

beforeAll(async () => {
  t = await startTestSubgraph('dispatch', async (environment) => {
    running = await startDispatch(environment, config);
    // Stands in front of the one that runs at the moment, so that a test can stop that one and start another.
    return {
      ...running,
      execute: (request, caller) => running.execute(request, caller),
      subscribe: (request, caller) => running.subscribe(request, caller),
      stop: () => running.stop(),
    };
  });
  say = given(t);
  redis = new Redis(t.environment.redisUrl);
});
afterAll(async () => {
  redis.disconnect();
  await t[Symbol.asyncDispose]();
});

const many = <T>(count: number, make: (i: number) => Promise<T>) => Promise.all(Array.from({ length: count }, (_, i) => make(i)));
function tally(words: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

test('DP-23: five drivers accept one trip at once: one wins, four hear that it is taken, and are free again', async () => {
  const pickup = say.spot();
  const rider = say.rider();
  const drivers = await many(5, (i) => say.driver(shifted(pickup, 100 * i)));
  const trip = await say.requested(rider, pickup);
  const offers = await Promise.all(drivers.map((driver) => say.offer(driver)));
  const answers = await Promise.all(drivers.map((driver, i) => say.accept(driver, offers[i]?.id ?? '')));
  expect(tally(answers.map((answer) => answer.codes[0] ?? answer.data.answer?.status ?? ''))).toEqual({ ACCEPTED: 1, TRIP_TAKEN: 4 });
  const winner = drivers[answers.findIndex((answer) => answer.codes.length === 0)] as OnlineDriver;
  expect(await say.trip(rider, trip.id)).toMatchObject({ status: 'ACCEPTED', sequence: 3, driver: { id: winner.id } });
  expect(tally(await Promise.all(drivers.map((driver) => say.stateOf(driver))))).toEqual({ BUSY: 1, AVAILABLE: 4 });
  expect(await t.emitted('trip.accepted')).toHaveLength(1);
});

test('DP-23: a driver who holds two offers accepts both at once: he gets one trip, and hears why not the other; the database itself allows no second', async () => {
  // Nothing but this index keeps a driver from two open offers: without it, what comes behind has to hold.
  await t.owner`drop index offers_one_pending_per_driver`;
  const pickup = say.spot();
  for (let n = 0; n < 10; n += 1) {
    const driver = await say.driver(pickup);
    const [first, second] = [await say.requested(say.rider(), pickup), await say.requested(say.rider(), shifted(pickup, 20_000))];
    const offer = await say.offer(driver);
    const other = uuidOf('trp', offer.trip?.id === first.id ? second.id : first.id) ?? '';
    const [made] =
      await t.owner`insert into offers (id, trip_id, driver_id, driver_user_id, status, round, pickup_distance_m, earnings_minor, currency, created_at, expires_at)
      values (gen_random_uuid(), ${other}, ${driver.uuid}, ${driver.actor.id}, 'PENDING', 1, 1, 1, 'EGP', now(), now() + interval '1 minute') returning id`;
    const answers = await Promise.all([say.accept(driver, offer.id), say.accept(driver, publicId('ofr', made?.id as string))]);
    expect(tally(answers.map(({ codes }) => codes[0] ?? 'ACCEPTED'))).toEqual({ ACCEPTED: 1, ACTIVE_TRIP: 1 });
    const refused = answers.find(({ codes }) => codes.length > 0);
    expect(refused?.errors[0]?.extensions.details).toEqual({ field: 'offerId', rule: 'one_live_trip' });
    const live = await t.owner`select id from trips where driver_id = ${driver.uuid} and status = 'ACCEPTED'`;
    expect(live).toHaveLength(1);
    const left = live[0]?.id === other ? uuidOf('trp', offer.trip?.id ?? '') : other;
    const taken = t.owner`update trips set status = 'ACCEPTED', sequence = 3, driver_id = ${driver.uuid}, driver_user_id = ${driver.actor.id} where id = ${left ?? ''}`;
    await expect(taken).rejects.toMatchObject({ code: '23505', constraint_name: 'trips_one_live_per_driver' });
    await t.owner`update offers set status = 'WITHDRAWN' where driver_id = ${driver.uuid} and status = 'PENDING'`;
    for (const trip of [first, second]) await say.cancel(say.admin, trip.id);
    accepted(await say.goOffline(driver));
  }
  await t.owner`create unique index offers_one_pending_per_driver on offers (driver_id) where status = 'PENDING'`;
});

test('DP-22: the best five are asked first; when all have declined, the next are asked at once', async () => {
  const pickup = say.spot();
  const drivers = await many(7, (i) => say.driver(shifted(pickup, 100 + 400 * i)));
  const trip = await say.requested(say.rider(), pickup);
  const asked = async () =>
    (
      await t.owner`select driver_id, round from offers where trip_id in (select id from trips where status = 'SEARCHING') order by round, pickup_distance_m`
    ).map((row) => ({ driver: row.driver_id, round: row.round }));
  await eventually(async () => (await asked()).length === 5);
  expect((await asked()).map((row) => row.driver)).toEqual(drivers.slice(0, 5).map((driver) => driver.uuid));
  for (const driver of drivers.slice(0, 5)) {
    const offer = await say.offer(driver);
    expect(accepted(await say.decline(driver, offer.id)).answer).toMatchObject({ status: 'DECLINED' });
    expect(accepted(await say.decline(driver, offer.id)).answer, 'repeated').toMatchObject({ status: 'DECLINED' });
    expect((await say.accept(driver, offer.id)).codes).toEqual(['OFFER_EXPIRED']);
  }
  await eventually(async () => (await asked()).filter((row) => row.round === 2).length === 2);
  const next = drivers[5] as OnlineDriver;
  expect(accepted(await say.accept(next, (await say.offer(next)).id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
});

test('DP-22: nobody around: the search widens four times, and then says so', async () => {
  const rider = say.rider();
  const trip = await say.requested(rider, say.spot());
  await eventually(async () => (await say.trip(rider, trip.id))?.status === 'NO_DRIVERS');
  expect(await say.trip(rider, trip.id)).toMatchObject({ sequence: 3 });
  expect((await t.emitted('trip.noDrivers')).at(-1)).toMatchObject({ riderId: rider.id });
  accepted(await say.request(rider, (await say.quote(rider, say.spot())).id));
});

test('DP-20: the ring widens to 12 km; a better car may come, a lesser one may not', async () => {
  const pickup = say.spot();
  const far = await say.driver(shifted(pickup, 10_500), 'PREMIUM');
  const near = await say.driver(pickup, 'ECONOMY');
  const trip = await say.requested(say.rider(), pickup, 'COMFORT');
  expect(await say.offer(far)).toMatchObject({ trip: { id: trip.id }, pickupDistanceM: expect.closeTo(10_500, -2) });
  expect(await say.stateOf(near)).toBe('AVAILABLE');
});

test('a driver is not offered his own trip', async () => {
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  const trip = await say.requested(driver.actor, pickup);
  await eventually(async () => (await say.trip(driver.actor, trip.id))?.status === 'NO_DRIVERS');
  expect(await say.stateOf(driver)).toBe('AVAILABLE');
});

test('DP-23: a hundred requests on twenty drivers: no driver gets two trips, no trip two drivers, nobody is left hanging', async () => {
  const pickup = say.spot();
  const drivers = await many(20, (i) => say.driver(shifted(pickup, 50 * i, 30 * i)));
  const streams = await Promise.all(drivers.map((driver) => say.offersTo(driver)));
  // Each driver accepts what comes, like an eager person with a fast thumb.
  const eager = streams.map(async (stream, i) => {
    const driver = drivers[i] as OnlineDriver;
    for await (const event of stream) {
      const offer = (event.data as { driverOffers: { id: string } }).driverOffers;
      if ((await say.accept(driver, offer.id)).codes.length === 0) return;
    }
  });
  const riders = await many(100, async () => {
    const rider = say.rider();
    return { rider, trip: await say.requested(rider, pickup) };
  });
  await eventually(
    async () =>
      (await t.owner`select count(*)::int as n from trips where status = 'SEARCHING' and rider_id = any(${riders.map(({ rider }) => rider.id)})`)[0]?.n === 0,
    'every search ends',
    60_000,
  );
  await Promise.all(streams.map((stream) => stream.return(undefined)));
  await Promise.all(eager);
  const trips = await Promise.all(riders.map(({ rider, trip }) => say.trip(rider, trip.id)));
  expect(tally(trips.map((trip) => trip?.status ?? ''))).toEqual({ ACCEPTED: 20, NO_DRIVERS: 80 });
  expect(new Set(trips.flatMap((trip) => trip?.driver?.id ?? [])).size).toBe(20);
  expect(tally(await Promise.all(drivers.map((driver) => say.stateOf(driver))))).toEqual({ BUSY: 20 });
}, 120_000);

test('DP-24: dispatch stops in the middle of a round, and another process goes on with it', async () => {
  const pickup = say.spot();
  const [first, second] = [await say.driver(pickup), await say.driver(shifted(pickup, 100))];
  const rider = say.rider();
  const trip = await say.requested(rider, pickup);
  const offers = [await say.offer(first), await say.offer(second)];
  await running.stop();
  running = await startDispatch(t.environment, config);
  expect((await say.offer(first)).id, 'the open offer is shown again').toBe(offers[0]?.id);
  accepted(await say.decline(first, offers[0]?.id ?? ''));
  expect(accepted(await say.accept(second, offers[1]?.id ?? '')).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED' });
});

test('EV-03: everything in Redis is lost during a search: the driver is found with his next point', async () => {
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  await redis.flushall();
  const rider = say.rider();
  const trip = await say.requested(rider, pickup);
  await eventually(async () => (await t.owner`select search_round from trips where status = 'SEARCHING'`).some((row) => row.search_round === 1));
  accepted(await say.move(driver, shifted(pickup, 30)));
  const offer = await say.offer(driver);
  expect(offer.trip).toMatchObject({ id: trip.id });
  accepted(await say.accept(driver, offer.id));
  // His standing was rebuilt too: whoever watches the trip sees him move.
  await redis.flushall();
  const watching = await say.stream(rider, 'subscription($id: ID!) { tripUpdates(tripId: $id) { kind position { lat } } }', { id: trip.id });
  // Where the driver was comes back from Postgres, if it had been written there by then.
  expect((await watching.next()).value.data).toMatchObject({ tripUpdates: { kind: 'SNAPSHOT' } });
  accepted(await say.move(driver, shifted(pickup, 60), 1));
  expect((await watching.next()).value.data).toMatchObject({ tripUpdates: { kind: 'POSITION' } });
  await watching.return(undefined);
});
