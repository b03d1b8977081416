import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, type Person, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), emptyRoundMs: 300, cooldownMs: 1 }));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const askedFor = async (tripId: string) =>
  (await t.owner`select driver_id from offers where trip_id = ${uuidOf('trp', tripId)} order by pickup_distance_m`).map((row) => row.driver_id as string);
const ROUTE = ['arriveAtPickup', 'startTrip', 'completeTrip'] as const;
const prefer = (rider: Person, mutation: 'blockDriver' | 'favouriteDriver', tripId: string) =>
  say.mutate<{ kind: string; driver: { id: string } | null }>(rider, mutation, '$tripId: ID!', { tripId }, 'kind driver { id }');
const myDrivers = async (rider: Person) =>
  accepted(await t.run<{ myDrivers: { kind: string; driver: { id: string } }[] }>(rider, '{ myDrivers { kind driver { id } } }')).myDrivers;
const forget = (rider: Person, driverId: string) =>
  t.run<{ forgetDriver: boolean }>(rider, 'mutation($id: ID!) { forgetDriver(driverId: $id) }', { id: driverId });

test('DP-20: a driver whom the rider has blocked is never asked for his trips, and for others he is; forgetting takes it back', async () => {
  const [pickup, rider, other] = [say.spot(), say.rider(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup, ...ROUTE);
  expect((await prefer(other, 'blockDriver', trip.id)).codes, 'of somebody else’s trip').toEqual(['NOT_FOUND']);
  expect((await prefer(driver.actor, 'blockDriver', trip.id)).codes, 'the driver himself').toEqual(['NOT_FOUND']);
  expect((await prefer(rider, 'blockDriver', 'trp_nonsense')).codes).toEqual(['NOT_FOUND']);
  for (let i = 0; i < 2; i += 1) expect(accepted(await prefer(rider, 'blockDriver', trip.id)).answer).toEqual({ kind: 'BLOCKED', driver: { id: driver.id } });
  await eventually(async () => (await say.stateOf(driver)) === 'AVAILABLE', 'the driver to have rested');

  const near = await say.driver(shifted(pickup, 2_000));
  const next = await say.requested(rider, pickup);
  expect((await prefer(rider, 'favouriteDriver', next.id)).codes, 'nobody has it yet').toEqual(['NO_DRIVER_YET']);
  await eventually(async () => (await askedFor(next.id)).length > 0, 'somebody to be asked');
  expect(await askedFor(next.id)).toEqual([near.uuid]);
  const others = await say.requested(other, pickup);
  await eventually(async () => (await askedFor(others.id)).length > 0, 'somebody to be asked');
  expect(await askedFor(others.id)).toEqual([driver.uuid]);
  for (const [who, made] of [
    [rider, next],
    [other, others],
  ] as const)
    accepted(await say.cancel(who, made.id));

  expect(await myDrivers(rider)).toEqual([{ kind: 'BLOCKED', driver: { id: driver.id } }]);
  expect(await myDrivers(other)).toEqual([]);
  expect(accepted(await forget(other, driver.id)).forgetDriver).toBe(false);
  expect(accepted(await forget(rider, driver.id)).forgetDriver).toBe(true);
  expect((await forget(rider, 'drv_nonsense')).codes).toEqual(['NOT_FOUND']);
  const again = await say.requested(rider, pickup);
  await eventually(async () => (await askedFor(again.id)).includes(driver.uuid), 'the driver to be asked again');
});

test('DP-20: of two who are as good the favourite is asked; the newest word counts', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup, ...ROUTE);
  accepted(await prefer(rider, 'blockDriver', trip.id));
  expect(accepted(await prefer(rider, 'favouriteDriver', trip.id)).answer?.kind).toBe('FAVOURITE');
  expect(await myDrivers(rider)).toEqual([{ kind: 'FAVOURITE', driver: { id: driver.id } }]);
  await eventually(async () => (await say.stateOf(driver)) === 'AVAILABLE', 'the driver to have rested');
  const next = await say.requested(rider, pickup);
  await eventually(async () => (await askedFor(next.id)).includes(driver.uuid), 'the favourite to be asked');
});

test('DP-20: suspended, busy, resting, silent, and lesser cars are not asked', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const [busy, silent, lesser, suspended] = [
    await say.driver(pickup),
    await say.driver(shifted(pickup, 10)),
    await say.driver(shifted(pickup, 20), 'ECONOMY'),
    await say.driver(shifted(pickup, 30), 'COMFORT'),
  ] as [OnlineDriver, OnlineDriver, OnlineDriver, OnlineDriver];
  await say.ride(say.rider(), busy, pickup);
  // The way to suspend is a neighbour's part: here it has simply happened.
  await t.owner`update drivers set approval = 'SUSPENDED' where id = ${suspended.uuid}`;
  t.setClock(new Date(t.environment.clock().getTime() + 70_000));
  const good = await say.driver(shifted(pickup, 1_000), 'COMFORT');
  for (const driver of [busy, lesser, suspended]) accepted(await say.move(driver, pickup));
  const trip = await say.requested(rider, pickup, 'COMFORT');
  await eventually(async () => (await askedFor(trip.id)).length > 0, 'somebody to be asked');
  expect(await askedFor(trip.id)).toEqual([good.uuid]);
  expect(await say.stateOf(silent)).toBe('AVAILABLE');
});

test('DP-20, DP-21: who declined the cheap trips and took the dear ones is asked after who declined as many of either, and both after who takes what comes', async () => {
  const pickup = say.spot();
  const [CHEAP, DEAR] = [1_500, 24_000];
  const inwards = pickup.lng > 31.2357 ? -1 : 1;
  const isFree = (driver: OnlineDriver) => eventually(async () => (await say.stateOf(driver)) === 'AVAILABLE', 'the driver to be free');
  /** Ten offers of trips this long, six of them declined; from one that is accepted the rider steps back, so that the driver is free again. */
  const lives = async (ways: readonly number[]) => {
    const driver = await say.driver(shifted(pickup, 100));
    for (const [i, wayM] of ways.entries()) {
      const rider = say.rider();
      const [quote] = accepted(await say.quotes(rider, pickup, shifted(pickup, 0, inwards * wayM), { vehicleTypes: ['ECONOMY'] })).quoteTrip;
      const tripId = accepted(await say.request(rider, quote?.id ?? '')).answer?.id ?? '';
      const offer = await say.offer(driver);
      if (i < 6) accepted(await say.decline(driver, offer.id));
      else accepted(await say.accept(driver, offer.id));
      accepted(await say.cancel(rider, tripId));
      await isFree(driver);
    }
    return driver;
  };
  const decliner = await lives([CHEAP, DEAR, CHEAP, DEAR, CHEAP, DEAR, CHEAP, DEAR, CHEAP, DEAR]);
  accepted(await say.goOffline(decliner));
  const picker = await lives([CHEAP, CHEAP, CHEAP, CHEAP, CHEAP, CHEAP, DEAR, DEAR, DEAR, DEAR]);
  accepted(await say.goOnline(decliner, shifted(pickup, 100)));
  const rows = await t.owner`select offered_count, accepted_count from drivers where id in ${t.owner([decliner.uuid, picker.uuid])}`;
  expect(rows.map((row) => [row.offered_count, row.accepted_count])).toEqual([
    [10, 4],
    [10, 4],
  ]);

  const others = await Promise.all([0, 1, 2, 3].map((i) => say.driver(shifted(pickup, 300 + 10 * i))));
  const asked = async () => {
    const [rider, places] = [say.rider(), new Set<string>()];
    const trip = await say.requested(rider, pickup);
    await eventually(async () => (await askedFor(trip.id)).length === 5, 'five to be asked');
    for (const id of await askedFor(trip.id)) places.add(id);
    accepted(await say.cancel(rider, trip.id));
    await Promise.all([decliner, picker, ...others].map(isFree));
    return places;
  };
  expect(await asked()).toEqual(new Set([...others, decliner].map(({ uuid }) => uuid)));
  others.push(await say.driver(shifted(pickup, 340)));
  expect(await asked()).toEqual(new Set(others.map(({ uuid }) => uuid)));
});

test('ID-08: what a rider thinks of a driver is the rider’s alone, also for raw SQL', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup);
  accepted(await prefer(rider, 'favouriteDriver', trip.id));
  const seenBy = (id: string) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
      return (await sql`select 1 from driver_preferences where driver_id = ${driver.uuid}`).length;
    });
  expect(await seenBy(rider.id)).toBe(1);
  expect(await seenBy(driver.actor.id)).toBe(0);
  expect(await seenBy(randomUUID())).toBe(0);
});
