import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, type Person, type Spot, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment, { ...readDispatchConfig({}), emptyRoundMs: 300 }));
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

const skip = (ms: number) => t.setClock(new Date(t.environment.clock().getTime() + ms));
const statusOf = async (tripId: string, driver: OnlineDriver) =>
  (await t.owner`select status from offers where trip_id = ${uuidOf('trp', tripId)} and driver_id = ${driver.uuid}`).map((row) => row.status as string).at(-1);

/** A trip that begins in ten minutes, with its driver and one who stands by. */
async function stoodBy(pickup: Spot): Promise<{ rider: Person; tripId: string; first: OnlineDriver; standby: OnlineDriver }> {
  // Too far to be asked for the trip itself in the first round, and near enough to stand by.
  const [rider, first, standby] = [say.rider(), await say.driver(pickup), await say.driver(shifted(pickup, 6_000))];
  const departAt = new Date(t.environment.clock().getTime() + 600_000).toISOString();
  const [quote] = accepted(await say.quotes(rider, pickup, undefined, { vehicleTypes: ['ECONOMY'], departAt })).quoteTrip;
  const { answer: trip } = accepted(await say.request(rider, quote?.id ?? ''));
  accepted(await say.accept(first, (await say.offer(first)).id));
  const tripId = trip?.id ?? '';
  accepted(await say.accept(standby, await askedToStandBy(standby)));
  expect(await statusOf(tripId, standby)).toBe('STANDBY');
  return { rider, tripId, first, standby };
}
const askedToStandBy = async (driver: OnlineDriver) => {
  await eventually(async () => (await say.stateOf(driver)) === 'OFFERED', 'the driver to be asked to stand by');
  return (await say.offer(driver)).id;
};

test('DP-20, DP-22: who stands by and is near and present takes over at once', async () => {
  const { rider, tripId, first, standby } = await stoodBy(say.spot());
  accepted(await say.cancel(first.actor, tripId));
  expect(await say.trip(rider, tripId)).toMatchObject({ status: 'ACCEPTED', driver: { id: standby.id } });
  accepted(await say.cancel(rider, tripId));
});

test('DP-20, DP-22: who stood by and has gone silent, far away, out of good standing, or is blocked by the rider is not sent; the search goes on', async () => {
  const reasons: Record<string, (one: Awaited<ReturnType<typeof stoodBy>>, pickup: Spot) => Promise<unknown>> = {
    silent: async ({ first }, pickup) => {
      skip(90_000);
      return accepted(await say.move(first, pickup));
    },
    far: async ({ standby }, pickup) => {
      skip(50_000);
      for (let km = 8; km <= 18; km += 2) {
        skip(50_000);
        accepted(await say.move(standby, shifted(pickup, km * 1_000)));
      }
    },
    suspected: ({ standby }) => t.deliver('payments-ledger', 'fraud.flagged', standby.uuid, { flagId: standby.uuid, userId: standby.actor.id, kind: 'TEST' }),
    blocked: ({ rider, standby }) => t.owner`insert into driver_preferences values (${rider.id}, ${standby.uuid}, 'BLOCKED', now())`,
  };
  for (const [reason, happens] of Object.entries(reasons)) {
    const pickup = say.spot();
    const one = await stoodBy(pickup);
    await happens(one, pickup);
    accepted(await say.cancel(one.first.actor, one.tripId));
    expect(await say.trip(one.rider, one.tripId), reason).toMatchObject({ status: 'SEARCHING', driver: null });
    expect(await statusOf(one.tripId, one.standby), reason).toBe('WITHDRAWN');
    await say.cancel(one.rider, one.tripId);
    t.setClock(new Date());
  }
});

test('DP-22: who stands by may step back, or go home; then somebody else is asked', async () => {
  const pickup = say.spot();
  const { rider, tripId, first, standby } = await stoodBy(pickup);
  const next = await say.driver(shifted(pickup, 6_300));
  const [offer] = await t.owner`select id from offers where trip_id = ${uuidOf('trp', tripId)} and driver_id = ${standby.uuid}`;
  for (const time of ['first', 'repeated']) {
    expect(accepted(await say.decline(standby, publicId('ofr', offer?.id as string))).answer, time).toMatchObject({ status: 'DECLINED' });
  }
  expect(await say.stateOf(standby)).toBe('AVAILABLE');
  accepted(await say.accept(next, await askedToStandBy(next)));
  const last = await say.driver(shifted(pickup, 6_400));
  accepted(await say.goOffline(next));
  expect(await statusOf(tripId, next)).toBe('DECLINED');
  accepted(await say.accept(last, await askedToStandBy(last)));
  accepted(await say.cancel(first.actor, tripId));
  expect(await say.trip(rider, tripId)).toMatchObject({ status: 'ACCEPTED', driver: { id: last.id } });
  accepted(await say.cancel(rider, tripId));
});

test('DP-23: who stands by is sent for and offered another trip at the same moment: never two trips, and neither is lost', async () => {
  for (let n = 0; n < 3; n += 1) {
    const pickup = say.spot();
    const { rider, tripId, first, standby } = await stoodBy(pickup);
    const other = say.rider();
    const wish = await say.quote(other, shifted(pickup, 6_000));
    const [gone, asked] = await Promise.all([say.cancel(first.actor, tripId), say.request(other, wish.id)]);
    const [trip] = [accepted(asked).answer];
    expect(gone.codes).toEqual([]);
    // Whoever was offered the other trip takes it as fast as he can, while he may be sent for.
    await eventually(async () => {
      const [open] = await t.owner`select id from offers where driver_id = ${standby.uuid} and status = 'PENDING'`;
      if (open) await say.accept(standby, publicId('ofr', open.id as string));
      return (await say.stateOf(standby)) === 'BUSY';
    }, 'the one who stood by to have a trip');
    const live = await t.owner`select id from trips where driver_id = ${standby.uuid} and status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED')`;
    expect(live).toHaveLength(1);
    expect([uuidOf('trp', tripId), uuidOf('trp', trip?.id ?? '')]).toContain(live[0]?.id);
    for (const [who, id] of [
      [rider, tripId],
      [other, trip?.id ?? ''],
    ] as const) {
      expect(['SEARCHING', 'ACCEPTED']).toContain((await say.trip(who, id))?.status);
      await say.cancel(who, id);
    }
    for (const driver of [first, standby]) await say.goOffline(driver);
  }
});

test('DP-02: whose device is silent for ten minutes is off the road; who sends, or is on a trip, stays', async () => {
  // Beyond the times of the other tests, so that the timer of this look is due within it.
  skip(2 * 3_600_000);
  const pickup = say.spot();
  const [silent, sending, busy] = [await say.driver(shifted(pickup, 5_000)), await say.driver(shifted(pickup, 5_100)), await say.driver(pickup)];
  const trip = await say.requested(say.rider(), pickup);
  accepted(await say.accept(busy, (await say.offer(busy)).id));
  skip(9 * 60_000);
  accepted(await say.move(sending, shifted(pickup, 5_200)));
  skip(2 * 60_000);
  await eventually(async () => (await say.stateOf(silent)) === 'OFFLINE', 'the silent one to be off the road');
  expect([await say.stateOf(sending), await say.stateOf(busy)]).toEqual(['AVAILABLE', 'BUSY']);
  expect((await t.owner`select ended_at from driver_shifts where driver_id = ${silent.uuid}`)[0]?.ended_at).not.toBeNull();
  accepted(await say.goOnline(silent, shifted(pickup, 5_000)));
  expect(await say.stateOf(silent)).toBe('AVAILABLE');
  expect(trip.status).toBe('SEARCHING');
});
