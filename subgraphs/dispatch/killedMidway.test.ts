import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { readDispatchConfig } from './config.js';
import { accepted, given, type OnlineDriver, shifted, type TripAnswer } from './dispatch.given.js';
import { killedAt } from './killedAt.given.js';
import { startDispatch } from './main.js';

// Offers outlast the start of a process on a busy machine.
const config = { ...readDispatchConfig({}), offerMs: 110_000, emptyRoundMs: 300 };

let running: Subgraph;
let t: TestSubgraph;
let say: ReturnType<typeof given>;
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
afterAll(() => t[Symbol.asyncDispose]());

/** All that a step of a trip changes. */
async function everything(): Promise<unknown> {
  const tables = ['trips', 'trip_states', 'offers', 'drivers', 'boarding_pins', 'idempotency_keys', '(select id, sequence, type, payload from events)'];
  return Promise.all(
    tables.map((table) => t.owner.unsafe(`select coalesce(jsonb_agg(r order by r::text), '[]') as rows from ${table} r`).then(([row]) => row)),
  );
}
/** Kills a process that was asked for a step just before it tells of the step, and sees that nothing of it is left. */
async function killedBefore(event: string, who: OnlineDriver, mutation: string, id: string): Promise<void> {
  const before = await everything();
  const query = `mutation($id: ID!) { ${mutation} { id } }`;
  await killedAt(t, TEST_SECRET, { table: 'events', condition: `new.type = '${event}'` }, { actor: who.actor, query, variables: { id } });
  expect(await everything(), event).toEqual(before);
}

test('DP-23, DP-34: killed at the end of accepting, of completing and of cancelling, before the commit: nothing is half done, a repeat does it once, no number is left out', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const [winner, other] = [await say.driver(pickup), await say.driver(shifted(pickup, 100))] as [OnlineDriver, OnlineDriver];
  const trip = await say.requested(rider, pickup);
  const [offer, rival] = [await say.offer(winner), await say.offer(other)];
  await killedBefore('trip.accepted', winner, 'acceptOffer(offerId: $id)', offer.id);
  for (let i = 0; i < 2; i += 1) expect(accepted(await say.accept(winner, offer.id)).answer).toMatchObject({ id: trip.id, status: 'ACCEPTED', sequence: 3 });
  expect((await say.accept(other, rival.id)).codes).toEqual(['TRIP_TAKEN']);

  for (const step of ['arriveAtPickup', 'startTrip'] as const) accepted(await say.drive(winner, step, trip.id));
  await killedBefore('trip.completed', winner, 'completeTrip(tripId: $id)', trip.id);
  for (let i = 0; i < 2; i += 1) expect(accepted(await say.drive(winner, 'completeTrip', trip.id)).answer).toMatchObject({ status: 'COMPLETED', sequence: 6 });

  const uuid = uuidOf('trp', trip.id) ?? '';
  const states = await t.owner`select sequence, status from trip_states where trip_id = ${uuid} order by sequence`;
  expect(states.map((row) => `${row.sequence} ${row.status}`)).toEqual([
    ...['1 REQUESTED', '2 SEARCHING', '3 ACCEPTED', '4 DRIVER_ARRIVED', '5 STARTED', '6 COMPLETED'],
  ]);
  const events = await t.owner`select sequence, type from events where aggregate_id = ${uuid} order by sequence`;
  expect(events.map((row) => row.sequence)).toEqual(events.map((_, i) => i + 1));
  expect(events.map((row) => row.type)).toEqual(['trip.requested', 'trip.accepted', 'trip.arrived', 'trip.started', 'trip.completed']);
  const [driver] = await t.owner`select accepted_count, completed_count, state from drivers where id = ${winner.uuid}`;
  expect(driver).toEqual({ accepted_count: 1, completed_count: 1, state: 'COOLDOWN' });

  const next = await say.requested(rider, pickup);
  accepted(await say.accept(other, (await say.offer(other)).id));
  await killedBefore('trip.cancelled', other, 'cancelTrip(tripId: $id)', next.id);
  for (let i = 0; i < 2; i += 1)
    expect(accepted(await say.cancel(other.actor, next.id)).answer).toMatchObject({ status: 'CANCELLED', sequence: 4, cancelledBy: 'DRIVER' });
  expect(await say.stateOf(other)).toBe('AVAILABLE');
}, 180_000);

test('DP-22, DP-24: killed between two offers of a round: none of them is there, the round is made when somebody lives again, and the request is not made twice', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const drivers = [await say.driver(pickup), await say.driver(shifted(pickup, 100))];
  const { id: quoteId } = await say.quote(rider, pickup);
  const input = { quoteId, paymentMethod: 'CASH', idempotencyKey: randomUUID() };
  const query = 'mutation($input: RequestTripInput!) { requestTrip(input: $input) { id } }';
  await running.stop();
  await killedAt(
    t,
    TEST_SECRET,
    { table: 'offers', condition: 'exists (select 1 from offers o where o.trip_id = new.trip_id)' },
    { actor: rider, query, variables: { input } },
  );
  const rows = await t.owner`select id, status, sequence, search_round from trips where rider_id = ${rider.id}`;
  expect(rows.map(({ status, sequence, search_round }) => ({ status, sequence, search_round }))).toEqual([
    { status: 'SEARCHING', sequence: 2, search_round: 0 },
  ]);
  expect([...(await t.owner`select 1 from offers where trip_id = ${rows[0]?.id}`)]).toEqual([]);
  expect((await t.owner`select 1 from drivers where state = 'AVAILABLE' and id in ${t.owner(drivers.map(({ uuid }) => uuid))}`).length).toBe(2);

  running = await startDispatch(t.environment, config);
  for (const driver of drivers) accepted(await say.move(driver, pickup));
  const offered = () => t.owner`select driver_id, status from offers where trip_id = ${rows[0]?.id}`;
  await eventually(async () => (await offered()).length === 2, 'the round', 45_000);
  const repeated = await t.run<{ requestTrip: TripAnswer }>(rider, query, { input });
  expect(uuidOf('trp', accepted(repeated).requestTrip.id)).toBe(rows[0]?.id);
  expect(new Set((await offered()).map((row) => row.driver_id))).toEqual(new Set(drivers.map(({ uuid }) => uuid)));
  expect((await t.owner`select 1 from trips where rider_id = ${rider.id}`).length).toBe(1);
}, 120_000);
