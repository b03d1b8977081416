import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, tally, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type Person, type Spot } from './dispatch.given.js';
import { startDispatch } from './main.js';
import { MOST_AHEAD } from './scheduled.js';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), overloadSearches: 1, emptyRoundMs: 300 }));
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));
const asked = async (rider: Person, pickup: Spot, aheadMs: number, more: Record<string, unknown> = {}) => {
  const departAt = new Date(t.environment.clock().getTime() + aheadMs).toISOString();
  const [quote] = accepted(await say.quotes(rider, pickup, undefined, { vehicleTypes: ['ECONOMY'], departAt })).quoteTrip;
  return say.request(rider, quote?.id ?? '', more);
};
const later = async (rider: Person, pickup: Spot, aheadMs = DAY_MS, more: Record<string, unknown> = {}) => {
  const { answer } = accepted(await asked(rider, pickup, aheadMs, more));
  if (!answer) throw new Error('no trip');
  return answer;
};
const statusOf = async (rider: Person, tripId: string) => (await say.trip(rider, tripId))?.status;
const violations = async () => {
  const query = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on SystemHealth { dispatchViolations { kind } } } }';
  const { data } = await t.run<{ _entities: { dispatchViolations: { kind: string }[] }[] }>(systemActor('test'), query, {
    r: [{ __typename: 'SystemHealth', id: 'system' }],
  });
  return data._entities[0]?.dispatchViolations.map(({ kind }) => kind);
};

test('DP-22: a trip for later is REQUESTED until a quarter of an hour before; its rider travels meanwhile, and it is no load', async () => {
  const [rider, pickup] = [say.rider(), say.spot()];
  const driver = await say.driver(pickup);
  const trip = await later(rider, pickup);
  expect(trip).toMatchObject({ status: 'REQUESTED', sequence: 1 });
  expect((await t.emitted('trip.requested')).at(-1)).toMatchObject({ departAt: expect.stringMatching(/^2\d{3}-/) });

  // Three of them are more than what counts as an overload here, if they were searches.
  for (let i = 0; i < 2; i += 1) await later(say.rider(), pickup);
  const ride = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip', 'completeTrip');
  expect(ride.status).toBe('COMPLETED');
  const { matchingHealth } = accepted(
    await t.run<{ matchingHealth: { modes: { mode: string; isOn: boolean }[] } }>(say.admin, '{ matchingHealth { modes { mode isOn } } }'),
  );
  expect(matchingHealth.modes).toContainEqual({ mode: 'OVERLOAD', isOn: false });

  skip(10 * MINUTE_MS);
  expect(await violations()).not.toContain('SEARCH_FORGOTTEN');
  skip(DAY_MS - 26 * MINUTE_MS);
  expect(await statusOf(rider, trip.id)).toBe('REQUESTED');
  skip(2 * MINUTE_MS);
  await eventually(async () => (await statusOf(rider, trip.id)) === 'SEARCHING', 'the search to begin');
  // From now on it is live.
  const refused = await say.request(rider, (await say.quote(rider, pickup)).id);
  expect(refused.codes).toEqual(['ACTIVE_TRIP']);
  expect(refused.errors[0]?.extensions.details).toMatchObject({ field: 'input.quoteId', rule: 'one_live_trip', tripId: trip.id });
  accepted(await say.cancel(rider, trip.id));
});

test('DP-22: the search begins in time also when the rider sits in another car, whose trip goes on', async () => {
  const [rider, pickup] = [say.rider(), say.spot()];
  const driver = await say.driver(pickup);
  const trip = await later(rider, pickup, 20 * MINUTE_MS);
  const ride = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  skip(6 * MINUTE_MS);
  await eventually(async () => (await statusOf(rider, trip.id)) === 'SEARCHING', 'the search to begin');
  expect(await statusOf(rider, ride.id)).toBe('STARTED');
  accepted(await say.drive(driver, 'completeTrip', ride.id));
  accepted(await say.cancel(rider, trip.id));
});

test('DP-23: one trip for now and a few for later, also when they are asked for at once', async () => {
  const [rider, pickup] = [say.rider(), say.spot()];
  const tries = await Promise.all(Array.from({ length: MOST_AHEAD + 3 }, (_, i) => asked(rider, pickup, (i + 1) * DAY_MS)));
  expect(tally(tries.map(({ codes }) => codes[0] ?? 'REQUESTED'))).toEqual({ REQUESTED: MOST_AHEAD, TOO_MANY_TRIPS_AHEAD: 3 });
  const refused = tries.find(({ codes }) => codes.length > 0);
  expect(refused?.errors[0]?.extensions.details).toEqual({ field: 'input.quoteId', rule: 'trips_ahead', most: MOST_AHEAD });

  const soon = await Promise.all([
    ...Array.from({ length: 3 }, () => asked(rider, pickup, 5 * MINUTE_MS)),
    ...Array.from({ length: 3 }, async () => say.request(rider, (await say.quote(rider, pickup)).id)),
  ]);
  expect(tally(soon.map(({ codes }) => codes[0] ?? 'SEARCHING'))).toEqual({ SEARCHING: 1, ACTIVE_TRIP: 5 });

  const [first] = tries.flatMap(({ data }) => data?.answer ?? []);
  expect(accepted(await say.cancel(rider, first?.id ?? '')).answer).toMatchObject({ status: 'CANCELLED', cancelledBy: 'RIDER', fee: { amount: '0.00' } });
  expect((await asked(rider, pickup, DAY_MS)).codes).toEqual([]);
});

test('PL-12: a trip for later whose payment is declined, or whose hold is gone, is cancelled before anybody is asked; one that is over stays as it is', async () => {
  const pickup = say.spot();
  for (const [event, reason] of [
    ['declined', 'CARD_DECLINED'],
    ['voided', 'HOLD_EXPIRED'],
  ] as const) {
    const rider = say.rider();
    const trip = await later(rider, pickup, DAY_MS, { paymentMethod: 'CARD' });
    await say.payment(event, uuidOf('trp', trip.id) ?? '', rider.id, { code: 'CARD_DECLINED' });
    expect(await say.trip(rider, trip.id)).toMatchObject({ status: 'CANCELLED', cancelledBy: 'SYSTEM', cancelReason: reason });
    skip(DAY_MS);
    expect(await t.owner`select 1 from offers where trip_id = ${uuidOf('trp', trip.id)}`).toHaveLength(0);
    t.setClock(new Date());
  }
  const [rider, driver] = [say.rider(), await say.driver(pickup)];
  const ride = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  await say.payment('voided', uuidOf('trp', ride.id) ?? '', rider.id);
  expect(await statusOf(rider, ride.id)).toBe('STARTED');
});
