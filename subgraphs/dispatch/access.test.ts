import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { DEMO_ACCOUNTS } from '../../platform/demoAccounts.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const uuid = (tripId: string) => uuidOf('trp', tripId) ?? '';

test('ID-07b: strangers see no trip and no driver; a rider meets his driver on the trip, and the position only while it is on', async () => {
  const pickup = say.spot();
  const [driver, rider, stranger] = [await say.driver(pickup), say.rider(), say.rider()];
  const trip = await say.requested(rider, pickup);
  const offer = await say.offer(driver);
  expect(await say.trip(driver.actor, trip.id), 'an offer is no right to the trip by its id').toBeNull();
  const riderOfOffer = await say.stream(driver.actor, 'subscription { driverOffers { trip { rider { id } pickup { lat } } } }');
  expect((await riderOfOffer.next()).value).toEqual({ data: { driverOffers: { trip: { rider: null, pickup: { lat: pickup.lat } } } } });
  await riderOfOffer.return(undefined);
  accepted(await say.accept(driver, offer.id));
  const look = 'query($id: ID!) { trip(id: $id) { rider { id } driver { id state connected plate user { id } vehicle { id } position { lat } } } }';
  const see = async (actor: typeof rider) =>
    (await t.run<{ trip: { rider: unknown; driver: { id: string; position: unknown } } | null }>(actor, look, { id: trip.id })).data.trip;
  expect(await see(rider)).toMatchObject({
    rider: { id: publicId('usr', rider.id) },
    driver: { id: driver.id, state: 'BUSY', connected: true, position: { lat: pickup.lat } },
  });
  expect(await see(driver.actor)).toMatchObject({ rider: { id: publicId('usr', rider.id) } });
  expect(await see(stranger)).toBeNull();
  expect((await t.run(ANONYMOUS, look, { id: trip.id })).codes).toEqual(['UNAUTHENTICATED']);
  for (const id of ['nonsense', publicId('bkg', uuid(trip.id)), publicId('trp', randomUUID())])
    expect((await t.run(rider, look, { id })).data).toEqual({ trip: null });

  const entities = async (actor: Parameters<typeof t.run>[0], representations: unknown[]) =>
    (
      await t.run<{ _entities: unknown[] }>(
        actor,
        'query($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on Trip { id } ... on Driver { id } } }',
        { representations },
      )
    ).data._entities;
  const byRef = [
    { __typename: 'Trip', ref: trip.id },
    { __typename: 'Driver', ref: driver.id },
  ];
  expect(await entities(stranger, byRef)).toEqual([null, null]);
  expect(await entities(rider, byRef)).toEqual([{ __typename: 'Trip', id: trip.id }, null]);
  expect(await entities(driver.actor, byRef)).toEqual([
    { __typename: 'Trip', id: trip.id },
    { __typename: 'Driver', id: driver.id },
  ]);
  accepted(await say.cancel(driver.actor, trip.id));
  expect(await see(rider)).toMatchObject({ driver: { id: driver.id, position: null, state: null, connected: null } });

  const trips =
    'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on User { trips(first: 1) { nodes { id } totalCount } } } }';
  const ofRider = { representations: [{ __typename: 'User', id: publicId('usr', rider.id) }] };
  expect((await t.run(rider, trips, ofRider)).data).toEqual({ _entities: [{ trips: { nodes: [{ id: trip.id }], totalCount: 1 } }] });
  expect(await t.run(stranger, trips, ofRider)).toMatchObject({ data: { _entities: [{ trips: null }] }, codes: ['FORBIDDEN'] });
});

test('ID-08: raw SQL as the service shows nobody what belongs to others', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup);
  const tables = ['trips', 'trip_states', 'offers', 'trip_quotes', 'drivers', 'driver_positions', 'driver_location_history'];
  await eventually(async () => (await t.owner`select 1 from driver_positions where driver_id = ${driver.uuid}`).length > 0);
  await eventually(async () => (await t.owner`select 1 from driver_location_history where driver_id = ${driver.uuid}`).length > 0);
  const visible = async (actorId: string, roles = 'CUSTOMER') =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const counts: Record<string, number> = {};
      for (const table of tables) counts[table] = (await sql`select count(*)::int as n from ${sql(table)}`)[0]?.n;
      return counts;
    });
  expect(await visible(randomUUID())).toEqual(Object.fromEntries(tables.map((table) => [table, 0])));
  expect(await visible('')).toEqual(Object.fromEntries(tables.map((table) => [table, 0])));
  expect(await visible(rider.id)).toMatchObject({
    trips: 1,
    trip_states: 3,
    offers: 0,
    trip_quotes: 1,
    drivers: 1,
    driver_positions: 0,
    driver_location_history: 0,
  });
  expect(await visible(driver.actor.id)).toMatchObject({ trips: 1, trip_states: 3, offers: 1, trip_quotes: 0, drivers: 1, driver_positions: 1 });
  expect((await visible('', 'SYSTEM')).trips).toBeGreaterThan(1);
  const stolen = t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${randomUUID()}, true), set_config('waygraph.actor_roles', 'DRIVER', true)`;
    return sql`update trips set driver_user_id = null where id = ${uuid(trip.id)}`;
  });
  expect((await stolen).count).toBe(0);
});

test('ID-08: many references are one query', async () => {
  const representations = Array.from({ length: 20 }, () => ({ __typename: 'Trip', id: publicId('trp', randomUUID()) }));
  const batch = '%from "trips" where "trips"."id" in%';
  const before = await t.statements(batch);
  await t.run(say.rider(), 'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on Trip { status } } }', {
    representations,
  });
  expect((await t.statements(batch)) - before).toBe(1);
});

test('PF-12b: the demo drivers are there once, approved, and known to others by their events', async () => {
  await t.subgraph.seedDemo();
  await t.subgraph.seedDemo();
  const demo = { kind: 'USER', id: DEMO_ACCOUNTS.driver2.id, roles: ['DRIVER'], sessionId: null } as const;
  expect((await t.run(demo, '{ myDriver { approval state vehicleType } }')).data).toEqual({
    myDriver: { approval: 'APPROVED', state: 'OFFLINE', vehicleType: 'ECONOMY' },
  });
  const mine = (await t.emitted('driver.registered')).filter((event) => event.userId === DEMO_ACCOUNTS.driver.id);
  expect(mine).toHaveLength(1);
  expect(mine[0]).toMatchObject({ vehicle: { category: 'ECONOMY', seats: 5 } });
});

test('PF-02b: nothing that must never be, is; and only admins are told', async () => {
  const health =
    'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on SystemHealth { dispatchViolations { kind reference } } } }';
  const representations = [{ __typename: 'SystemHealth', id: 'system' }];
  expect((await t.run(say.rider(), health, { representations })).data).toEqual({ _entities: [null] });
  expect((await t.run(systemActor('test'), health, { representations })).data).toEqual({ _entities: [{ dispatchViolations: [] }] });
  const driver = await say.driver(say.spot());
  await t.owner`update drivers set state = 'BUSY' where id = ${driver.uuid}`;
  expect((await t.run(say.admin, health, { representations })).data).toEqual({
    _entities: [{ dispatchViolations: [{ kind: 'BUSY_DRIVER_WITHOUT_TRIP', reference: driver.uuid }] }],
  });
});
