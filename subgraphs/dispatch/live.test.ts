import type { ExecutionResult } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, type OnlineDriver, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

interface Update {
  sequence: number;
  kind: 'SNAPSHOT' | 'STATE' | 'POSITION';
  status: string;
  trip: { status: string; sequence: number; driver: { state: string } | null };
  position: { lat: number } | null;
  heading: number | null;
  etaSeconds: number | null;
}
const WATCH = `subscription($id: ID!, $after: Int) { tripUpdates(tripId: $id, afterSequence: $after) {
  sequence kind status trip { status sequence driver { state } } position { lat } heading etaSeconds at } }`;
const watch = (actor: Actor, id: string, after?: number) => say.stream(actor, WATCH, { id, after });
async function nextOf(stream: AsyncGenerator<ExecutionResult>): Promise<Update | 'completed'> {
  const { value, done } = await stream.next();
  if (done) return 'completed';
  if (value.errors) throw new Error(JSON.stringify(value.errors));
  return (value.data as { tripUpdates: Update }).tripUpdates;
}
async function allOf(stream: AsyncGenerator<ExecutionResult>): Promise<Update[]> {
  const updates: Update[] = [];
  for (let update = await nextOf(stream); update !== 'completed'; update = await nextOf(stream)) updates.push(update);
  return updates;
}
const line = (update: Update | 'completed') => (update === 'completed' ? update : `${update.kind} ${update.sequence} ${update.status}`);

test('DP-31: a snapshot first, then every state and the positions between them, until the trip is over', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(shifted(pickup, 1_000)), say.rider()];
  const trip = await say.requested(rider, pickup);
  const updates = await watch(rider, trip.id);
  const snapshot = await nextOf(updates);
  expect(snapshot).toMatchObject({ kind: 'SNAPSHOT', sequence: 2, status: 'SEARCHING', position: null, etaSeconds: null, trip: { driver: null } });
  accepted(await say.accept(driver, (await say.offer(driver)).id));
  expect(await nextOf(updates)).toMatchObject({
    kind: 'STATE',
    sequence: 3,
    status: 'ACCEPTED',
    etaSeconds: expect.any(Number),
    trip: { driver: { state: 'BUSY' } },
  });
  accepted(await say.move(driver, shifted(pickup, 500), 1, { heading: 180 }));
  const moved = await nextOf(updates);
  expect(moved).toMatchObject({
    kind: 'POSITION',
    sequence: 3,
    status: 'ACCEPTED',
    heading: 180,
    position: { lat: expect.closeTo(shifted(pickup, 500).lat, 6) },
  });
  expect((moved as Update).etaSeconds).toBeGreaterThan(0);
  accepted(await say.drive(driver, 'arriveAtPickup', trip.id));
  expect(line(await nextOf(updates))).toBe('STATE 4 DRIVER_ARRIVED');
  accepted(await say.drive(driver, 'startTrip', trip.id));
  accepted(await say.drive(driver, 'completeTrip', trip.id));
  expect((await allOf(updates)).map(line)).toEqual(['STATE 5 STARTED', 'STATE 6 COMPLETED']);
});

test('DP-31b: who comes back with afterSequence gets what was missed, each once, as it was then', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup');
  const updates = await watch(rider, trip.id, 1);
  const missed = [await nextOf(updates), await nextOf(updates), await nextOf(updates)];
  expect(missed.map(line)).toEqual(['STATE 2 SEARCHING', 'STATE 3 ACCEPTED', 'STATE 4 DRIVER_ARRIVED']);
  expect(missed[0]).toMatchObject({ trip: { status: 'DRIVER_ARRIVED', sequence: 4 } });
  accepted(await say.cancel(driver.actor, trip.id));
  expect((await allOf(updates)).map(line)).toEqual(['STATE 5 CANCELLED']);
  expect(await allOf(await watch(rider, trip.id, 5)), 'nothing missed of a trip that is over').toEqual([]);
  expect((await allOf(await watch(rider, trip.id))).map(line)).toEqual(['SNAPSHOT 5 CANCELLED']);
  expect((await allOf(await watch(rider, trip.id, 99))).map(line), 'a sequence that was never reached').toEqual(['SNAPSHOT 5 CANCELLED']);
});

test('DP-31b: states that change while streams resume are missed by none and repeated to none', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.requested(rider, pickup);
  const offer = await say.offer(driver);
  const watchers: Promise<Update[]>[] = [];
  const join = (count: number) => {
    for (let i = 0; i < count; i += 1)
      watchers.push(
        watch(rider, trip.id, i % 3)
          .then(allOf)
          .then((updates) => updates.filter((update) => update.kind !== 'POSITION')),
      );
  };
  join(8);
  const accepting = say.accept(driver, offer.id);
  join(8);
  accepted(await accepting);
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) {
    const stepping = say.drive(driver, step, trip.id);
    join(8);
    accepted(await say.move(driver, shifted(pickup, watchers.length), watchers.length / 10));
    accepted(await stepping);
  }
  const all = await Promise.all(watchers);
  all.forEach((updates, i) => {
    expect(updates.map((update) => update.sequence)).toEqual(Array.from({ length: 6 - ((i % 8) % 3) }, (_, n) => ((i % 8) % 3) + n + 1));
  });
});

test('DP-31b: a slow reader finds the newest position, and every state', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup);
  const updates = await watch(rider, trip.id);
  expect(line(await nextOf(updates))).toBe('SNAPSHOT 3 ACCEPTED');
  const quick = await watch(say.admin, trip.id);
  expect(line(await nextOf(quick))).toBe('SNAPSHOT 3 ACCEPTED');
  for (let i = 1; i <= 150; i += 1) accepted(await say.move(driver, shifted(pickup, i), i / 10));
  accepted(await say.drive(driver, 'arriveAtPickup', trip.id));
  accepted(await say.move(driver, shifted(pickup, 777), 20));
  // Both listen on one connection: what the quick one has heard, has reached the slow one too. What comes with a snapshot or a state is looked up, not heard.
  const last = shifted(pickup, 777).lat;
  const isLast = (update: Update | 'completed') =>
    update === 'completed' || (update.kind === 'POSITION' && Math.abs((update.position?.lat ?? 0) - last) < 1e-6);
  for (let update = await nextOf(quick); !isLast(update); update = await nextOf(quick));
  await quick.return(undefined);
  // One position may still be waiting from before the state; all others were replaced.
  const first = await nextOf(updates);
  const state = line(first) === 'POSITION 3 ACCEPTED' ? await nextOf(updates) : first;
  expect(line(state)).toBe('STATE 4 DRIVER_ARRIVED');
  expect(await nextOf(updates)).toMatchObject({ kind: 'POSITION', sequence: 4, position: { lat: expect.closeTo(shifted(pickup, 777).lat, 6) } });
  await updates.return(undefined);
});

test('DP-31b: only rider, driver and admins may watch; others hear that there is no such trip', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.requested(rider, pickup);
  await say.offer(driver);
  const refusal = async (actor: Actor, id: string, after?: number) =>
    ((await say.subscribe(actor, WATCH, { id, after })) as ExecutionResult).errors?.[0]?.extensions.code;
  expect(await refusal(say.rider(), trip.id)).toBe('NOT_FOUND');
  expect(await refusal(driver.actor, trip.id), 'an offer is no seat').toBe('NOT_FOUND');
  expect(await refusal(ANONYMOUS, trip.id)).toBe('UNAUTHENTICATED');
  for (const id of ['nonsense', publicId('bkg', uuidOf('trp', trip.id) ?? '')]) expect(await refusal(rider, id)).toBe('NOT_FOUND');
  expect(await refusal(rider, trip.id, -1)).toBe('VALIDATION_ERROR');
  const admin = await watch(say.admin, trip.id);
  expect(line(await nextOf(admin))).toBe('SNAPSHOT 2 SEARCHING');
  accepted(await say.accept(driver, (await say.offer(driver)).id));
  const former = await watch(driver.actor, trip.id);
  expect(line(await nextOf(former))).toBe('SNAPSHOT 3 ACCEPTED');
  // What is remembered outside of Postgres still says that he drives: his points go on reaching the trip's feed, and nobody may be shown them.
  const other = await say.driver(say.spot());
  await t.owner`update trips set driver_id = ${other.uuid}, driver_user_id = ${other.actor.id} where id = ${uuidOf('trp', trip.id)}`;
  const astray = shifted(pickup, 333);
  accepted(await say.move(driver, astray, 5));
  accepted(await say.drive(other, 'arriveAtPickup', trip.id));
  expect(await nextOf(former)).toBe('completed');
  const shown: Update[] = [];
  while (shown.at(-1)?.status !== 'DRIVER_ARRIVED') shown.push((await nextOf(admin)) as Update);
  expect(shown.filter(({ position }) => Math.abs((position?.lat ?? 0) - astray.lat) < 1e-6)).toEqual([]);
  await admin.return(undefined);
});

test('a stream that is left while it waits ends at once, and leaves nothing behind', async () => {
  const trip = await say.requested(say.rider(), say.spot());
  const updates = await watch(say.admin, trip.id);
  await nextOf(updates);
  const waiting = updates.next();
  await updates.return(undefined);
  expect(await waiting).toEqual({ value: undefined, done: true });
});

test('DP-32: open offers come first, new ones then, each once; for drivers only', async () => {
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  const first = await say.requested(say.rider(), pickup);
  const open = await say.offer(driver);
  const offers = await say.offersTo(driver);
  const next = async () => ((await offers.next()).value.data as { driverOffers: { id: string; trip: { id: string } } }).driverOffers;
  expect(await next()).toMatchObject({ id: open.id, trip: { id: first.id } });
  accepted(await say.decline(driver, open.id));
  const second = await say.requested(say.rider(), pickup);
  expect(await next()).toMatchObject({ trip: { id: second.id } });
  const pending = offers.next();
  await new Promise((resolve) => setTimeout(resolve, 6_000));
  await offers.return(undefined);
  expect((await pending).done, 'looking again shows nothing twice').toBe(true);
  const refusal = async (actor: Actor) =>
    ((await say.subscribe(actor, 'subscription { driverOffers { id } }')) as ExecutionResult).errors?.[0]?.extensions.code;
  expect([await refusal(ANONYMOUS), await refusal(say.rider())]).toEqual(['UNAUTHENTICATED', 'FORBIDDEN']);
});

test("DP-32: another driver's offer is nobody's business", async () => {
  const pickup = say.spot();
  const [driver, stranger] = [await say.driver(pickup), (await say.driver(say.spot())) as OnlineDriver];
  await say.requested(say.rider(), pickup);
  const offer = await say.offer(driver);
  expect((await say.accept(stranger, offer.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.decline(stranger, offer.id)).codes).toEqual(['NOT_FOUND']);
  expect((await say.accept(driver, 'ofr_nonsense')).codes).toEqual(['NOT_FOUND']);
  await eventually(async () => (await say.stateOf(driver)) === 'OFFERED');
});
