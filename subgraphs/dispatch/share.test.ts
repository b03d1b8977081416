import { randomUUID } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
beforeEach(() => t.setClock(new Date()));
afterAll(() => t[Symbol.asyncDispose]());

const share = (actor: Actor, tripId: string) =>
  say.mutate<{ token: string; expiresAt: string }>(actor, 'shareTrip', '$tripId: ID!', { tripId }, 'token expiresAt');
const tokenFor = async (actor: Actor, tripId: string) => accepted(await share(actor, tripId)).answer?.token ?? '';
const stop = (actor: Actor, tripId: string) => t.run<{ stopSharing: number }>(actor, 'mutation($id: ID!) { stopSharing(tripId: $id) }', { id: tripId });
const FIELDS = 'status position { lat } heading etaSeconds driver { plate }';
const look = async (token: string, actor: Actor = ANONYMOUS) =>
  accepted(
    await t.run<{ sharedTrip: { status: string; position: unknown; driver: { plate: string } | null } | null }>(
      actor,
      `query($token: String!) { sharedTrip(token: $token) { ${FIELDS} } }`,
      { token },
    ),
  ).sharedTrip;
const WATCH = `subscription($token: String!, $after: Int) { sharedTripUpdates(token: $token, afterSequence: $after) { sequence kind at ${FIELDS} } }`;
const lines = async (stream: AsyncGenerator<ExecutionResult>) => {
  const seen: string[] = [];
  for await (const { data } of stream) {
    const update = (data as { sharedTripUpdates: { kind: string; sequence: number; status: string } }).sharedTripUpdates;
    seen.push(`${update.kind} ${update.sequence} ${update.status}`);
  }
  return seen;
};

test('DP-32: whoever has the link follows the trip without signing in, until it ends; then the link is dead', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(shifted(pickup, 500));
  const trip = await say.requested(rider, pickup);
  const token = await tokenFor(rider, trip.id);
  expect(await look(token)).toEqual({ status: 'SEARCHING', position: null, heading: null, etaSeconds: null, driver: null });
  const watching = await say.stream(ANONYMOUS, WATCH, { token });
  const seen = lines(watching);
  const resumed = lines(await say.stream(ANONYMOUS, WATCH, { token, after: 1 }));
  accepted(await say.accept(driver, (await say.offer(driver)).id));
  const shown = await look(token);
  expect(shown).toMatchObject({ status: 'ACCEPTED', position: { lat: expect.any(Number) }, driver: { plate: expect.stringMatching(/^T /) } });
  for (const step of ['arriveAtPickup', 'startTrip', 'completeTrip'] as const) accepted(await say.drive(driver, step, trip.id));
  const states = ['STATE 3 ACCEPTED', 'STATE 4 DRIVER_ARRIVED', 'STATE 5 STARTED', 'STATE 6 COMPLETED'];
  expect((await seen).filter((line) => !line.startsWith('POSITION'))).toEqual(['SNAPSHOT 2 SEARCHING', ...states]);
  expect((await resumed).filter((line) => !line.startsWith('POSITION'))).toEqual(['STATE 2 SEARCHING', ...states]);
  expect(await look(token)).toBeNull();
  const late = await say.subscribe(ANONYMOUS, WATCH, { token });
  expect('errors' in late && late.errors?.[0]?.extensions).toMatchObject({ code: 'NOT_FOUND', details: { field: 'token' } });
  expect((await share(rider, trip.id)).codes).toEqual(['TRIP_OVER']);
});

test('DP-32: only the rider makes links, five at a time; the token itself is not kept, and forged ones open nothing', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup);
  for (const who of [say.rider(), driver.actor, say.admin]) expect((await share(who, trip.id)).codes).toEqual(['NOT_FOUND']);
  expect((await share(ANONYMOUS, trip.id)).codes).toEqual(['UNAUTHENTICATED']);
  expect((await share(rider, 'trp_nonsense')).codes).toEqual(['NOT_FOUND']);
  const tokens = await Promise.all([1, 2, 3, 4, 5].map(() => tokenFor(rider, trip.id)));
  expect(new Set(tokens).size).toBe(5);
  const sixth = await share(rider, trip.id);
  expect(sixth.codes).toEqual(['TOO_MANY_SHARES']);
  expect(sixth.errors[0]?.extensions.details).toEqual({ field: 'tripId', rule: 'open_links', most: 5 });
  const kept = await t.owner`select token_hash from trip_shares where trip_id = ${uuidOf('trp', trip.id)}`;
  for (const row of kept) expect(tokens).not.toContain(row.token_hash);
  const [token = ''] = tokens;
  for (const forged of ['', 'x', `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`, String(kept[0]?.token_hash), "' or 1=1 --"])
    expect(await look(forged)).toBeNull();
  const stream = await say.stream(ANONYMOUS, WATCH, { token });
  expect((await stream.next()).value.data).toMatchObject({ sharedTripUpdates: { kind: 'SNAPSHOT', sequence: 3, driver: { plate: expect.any(String) } } });
  const watching = lines(stream);
  expect(accepted(await stop(rider, trip.id)).stopSharing).toBe(5);
  expect(accepted(await stop(rider, trip.id)).stopSharing).toBe(0);
  expect((await stop(driver.actor, trip.id)).codes).toEqual(['NOT_FOUND']);
  expect(
    (await watching).filter((line) => !line.startsWith('POSITION')),
    'whoever watches sees it end',
  ).toEqual([]);
  expect(await look(token)).toBeNull();
  accepted(await share(rider, trip.id));
});

test('DP-31b: a link that has expired shows nothing, also to who was watching', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  const trip = await say.ride(rider, driver, pickup);
  const { token, expiresAt } = accepted(await share(rider, trip.id)).answer ?? { token: '', expiresAt: '' };
  const watching = await say.stream(ANONYMOUS, WATCH, { token });
  await watching.next();
  t.setClock(new Date(new Date(expiresAt).getTime() + 1_000));
  expect(await look(token)).toBeNull();
  accepted(await say.move(driver, shifted(pickup, 50), 5));
  expect(await lines(watching), 'not even a position').toEqual([]);
});

test('ID-08: links are their maker’s alone, also for raw SQL; so are PINs', async () => {
  const [pickup, rider] = [say.spot(), say.rider()];
  const driver = await say.driver(pickup);
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { boardingPin: true } }, 'strategy'));
  const trip = await say.ride(rider, driver, pickup);
  accepted(await say.mutate(say.admin, 'setMatchingStrategy', '$input: SetMatchingStrategyInput!', { input: { boardingPin: false } }, 'strategy'));
  await tokenFor(rider, trip.id);
  const id = uuidOf('trp', trip.id);
  const seenBy = (actor: string) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actor}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
      const [links, pins] = [await sql`select 1 from trip_shares where trip_id = ${id}`, await sql`select 1 from boarding_pins where trip_id = ${id}`];
      return [links.length, pins.length];
    });
  expect(await seenBy(rider.id)).toEqual([1, 1]);
  expect(await seenBy(driver.actor.id)).toEqual([0, 0]);
  expect(await seenBy(randomUUID())).toEqual([0, 0]);
});
