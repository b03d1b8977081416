import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS, systemActor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { createLog } from '../../platform/log.js';
import { appUrl } from '../../platform/migrate.js';
import { connectDatabase, inTransaction } from '../../platform/postgres.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import type { Dispatch } from './context.js';
import { accepted, given, type OnlineDriver, shifted } from './dispatch.given.js';
import { DRIVER_STATES, DRIVER_TRANSITIONS } from './driver.js';
import { moveDrivers } from './driverMoves.js';
import { startDispatch } from './main.js';
import { availableKey, standingKey } from './positionKeys.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const suspend = (actor: Parameters<typeof t.run>[0], id: string, reason = 'papers have expired') =>
  say.mutate<{ approval: string; state: string | null }>(actor, 'suspendDriver', '$id: ID!, $reason: String!', { id, reason }, 'approval state');
const approve = (who: OnlineDriver) => say.mutate<{ approval: string }>(say.admin, 'approveDriver', '$id: ID!', { id: who.id }, 'approval');
const mine = async (who: OnlineDriver) =>
  accepted(await t.run<{ myDriver: unknown }>(who.actor, '{ myDriver { approval state suspension { reason } } }')).myDriver;
const pass = (seconds: number) => t.setClock(new Date(t.environment.clock().getTime() + seconds * 1000));

test('DP-02: one table says which state may follow which; all 25 steps are tried, and only those in it are taken', async () => {
  const driver = await say.driver(say.spot());
  const log = createLog({ service: 'test', level: 'fatal' });
  const db = connectDatabase({ url: appUrl(t.environment.databaseUrl, 'dispatch', TEST_SECRET), log, clock: t.environment.clock, applicationName: 'test' });
  const told: string[] = [];
  const dispatch = { positions: { keepStanding: async ({ state }: { state: string }) => void told.push(state) } } as unknown as Dispatch;
  const taken: string[] = [];
  for (const from of DRIVER_STATES) {
    for (const to of DRIVER_STATES) {
      await t.owner`update drivers set state = ${from} where id = ${driver.uuid}`;
      told.length = 0;
      const moved = await inTransaction(systemActor('test'), db, { traceId: '0'.repeat(32), causationId: 'test' }, (tx) =>
        moveDrivers(tx, dispatch, [driver.uuid], to),
      );
      const [row] = await t.owner`select state, available_since from drivers where id = ${driver.uuid}`;
      const isAllowed = DRIVER_TRANSITIONS[from].includes(to);
      expect([moved.length, row?.state, told], `${from} → ${to}`).toEqual(isAllowed ? [1, to, [to]] : [0, from, []]);
      if (isAllowed) {
        expect(row?.available_since !== null, `${from} → ${to}: waiting since`).toBe(to === 'AVAILABLE');
        taken.push(`${from} ${to}`);
      }
    }
  }
  expect(taken.sort()).toEqual(
    [
      'AVAILABLE OFFERED',
      'AVAILABLE OFFLINE',
      'BUSY AVAILABLE',
      'BUSY COOLDOWN',
      'COOLDOWN AVAILABLE',
      'COOLDOWN OFFLINE',
      'OFFERED AVAILABLE',
      'OFFERED BUSY',
      'OFFERED OFFLINE',
      'OFFLINE AVAILABLE',
    ].sort(),
  );
  await t.owner`update drivers set state = 'OFFLINE' where id = ${driver.uuid}`;
  await db.close();
});

test('DP-01b: a suspended driver is off the road at once, and is told; approving lets him back', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  for (const [actor, code] of [
    [driver.actor, 'FORBIDDEN'],
    [say.rider(), 'FORBIDDEN'],
    [ANONYMOUS, 'UNAUTHENTICATED'],
  ] as const) {
    expect((await suspend(actor, driver.id)).codes).toEqual([code]);
  }
  const noReason = await suspend(say.admin, driver.id, '  ');
  expect([noReason.codes, noReason.errors[0]?.extensions.details]).toEqual([['VALIDATION_ERROR'], expect.objectContaining({ field: 'reason' })]);
  for (const id of ['nonsense', publicId('drv', crypto.randomUUID())]) expect((await suspend(say.admin, id)).codes).toEqual(['NOT_FOUND']);

  expect(accepted(await suspend(say.admin, driver.id)).answer).toEqual({ approval: 'SUSPENDED', state: 'OFFLINE' });
  expect(accepted(await suspend(say.admin, driver.id, 'another reason')).answer, 'repeated').toEqual({ approval: 'SUSPENDED', state: 'OFFLINE' });
  expect(await mine(driver)).toEqual({ approval: 'SUSPENDED', state: 'OFFLINE', suspension: { reason: 'papers have expired' } });
  const events = (await t.emitted('driver.suspended')).filter((event) => event.driverId === driver.uuid);
  expect(events, 'once, and without the words').toEqual([{ driverId: driver.uuid, userId: driver.actor.id }]);
  expect(
    (await t.owner`select consumer from deliveries d join events e on e.id = d.event_id where e.type = 'driver.suspended' order by 1`).map(
      (row) => row.consumer,
    ),
  ).toEqual(['fleet', 'inbox', 'payments-ledger']);
  expect((await say.goOnline(driver, here)).codes).toEqual(['NOT_APPROVED']);
  accepted(await approve(driver));
  expect(await mine(driver)).toEqual({ approval: 'APPROVED', state: 'OFFLINE', suspension: null });
  accepted(await say.goOnline(driver, here));
  const stranger = await t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_id', ${say.rider().id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
    return sql`select 1 from driver_suspensions`;
  });
  expect(stranger, 'ID-08').toHaveLength(0);
});

test('DP-01b: his open offer goes to the next driver at once', async () => {
  const pickup = say.spot();
  const driver = await say.driver(shifted(pickup, 100));
  const trip = await say.requested(say.rider(), pickup);
  const offer = await say.offer(driver);
  const other = await say.driver(shifted(pickup, 900));
  accepted(await suspend(say.admin, driver.id));
  expect((await say.offer(other)).trip, 'without waiting for the deadline').toMatchObject({ id: trip.id });
  expect((await say.accept(driver, offer.id)).codes).toEqual(['OFFER_EXPIRED']);
  expect((await say.accept(driver, offer.id)).errors[0]?.extensions.details).toEqual({ field: 'offerId', rule: 'offer_open', status: 'WITHDRAWN' });
  expect(await say.stateOf(driver)).toBe('OFFLINE');
});

test('DP-01b: on a trip he brings the rider there, rests, and is offline then; when the trip is cancelled he is at once', async () => {
  const pickup = say.spot();
  const [driver, rider] = [await say.driver(pickup), say.rider()];
  const trip = await say.ride(rider, driver, pickup, 'arriveAtPickup', 'startTrip');
  expect(accepted(await suspend(say.admin, driver.id)).answer).toEqual({ approval: 'SUSPENDED', state: 'BUSY' });
  const seen = await t.run(rider, 'query($id: ID!) { trip(id: $id) { driver { id suspension { reason } standing airportQueue { position } } } }', {
    id: trip.id,
  });
  expect(seen.data, "ID-07b: not the rider's business").toEqual({ trip: { driver: { id: driver.id, suspension: null, standing: null, airportQueue: null } } });
  accepted(await say.drive(driver, 'completeTrip', trip.id));
  expect(await say.stateOf(driver)).toBe('COOLDOWN');
  pass(61);
  await eventually(async () => (await say.stateOf(driver)) === 'OFFLINE');
  accepted(await approve(driver));
  accepted(await say.goOnline(driver, pickup));
  const next = await say.ride(rider, driver, pickup);
  accepted(await suspend(say.admin, driver.id));
  accepted(await say.cancel(rider, next.id));
  expect(await say.stateOf(driver)).toBe('OFFLINE');
});

test('DP-01b: suspended and offered at the same moment, in whatever order: never an open offer to a suspended driver', async () => {
  const pickup = say.spot();
  const drivers = await Promise.all([0, 1, 2, 3, 4].map((i) => say.driver(shifted(pickup, 50 * i))));
  const riders = drivers.map(() => say.rider());
  const quotes = await Promise.all(riders.map((rider) => say.quote(rider, pickup)));
  await Promise.all([
    ...riders.map((rider, i) => say.request(rider, quotes[i]!.id)),
    ...drivers.map(async (driver) => {
      // An offer that came in at this moment is a conflict that says: try again.
      await eventually(async () => (await suspend(say.admin, driver.id)).codes.length === 0);
    }),
  ]);
  for (const driver of drivers) expect(await mine(driver)).toMatchObject({ approval: 'SUSPENDED', state: 'OFFLINE' });
  const open = await t.owner`select 1 from offers where status = 'PENDING' and driver_id in ${t.owner(drivers.map((driver) => driver.uuid))}`;
  expect(open).toHaveLength(0);
});

const HEALTH =
  'query($representations: [_Any!]!) { _entities(representations: $representations) { ... on SystemHealth { dispatchViolations { kind reference } } } }';

test('PF-02b: each thing that must never be is found, and gone when it is mended', async () => {
  const violations = async () => {
    const { data } = await t.run<{ _entities: { dispatchViolations: { kind: string; reference: string }[] }[] }>(say.admin, HEALTH, {
      representations: [{ __typename: 'SystemHealth', id: 'system' }],
    });
    return data._entities[0]?.dispatchViolations ?? [];
  };
  const pickup = say.spot();
  const driver = await say.driver(pickup);
  await eventually(async () => (await violations()).length === 0, 'all is well');
  const finds = async (kind: string, reference: string) => expect(await violations()).toContainEqual({ kind, reference });
  const set = (changes: Record<string, string>) => t.owner`update drivers set ${t.owner(changes)} where id = ${driver.uuid}`;

  await set({ state: 'COOLDOWN' });
  await finds('REST_FORGOTTEN', driver.uuid);
  await set({ state: 'OFFERED' });
  await finds('OFFERED_DRIVER_WITHOUT_OFFER', driver.uuid);
  await set({ state: 'AVAILABLE', approval: 'SUSPENDED' });
  await finds('DRIVER_ON_ROAD_NOT_APPROVED', driver.uuid);
  await set({ state: 'AVAILABLE', approval: 'APPROVED' });

  const far = { lat: 27, lng: 30 };
  const input = { kind: 'AIRPORT_QUEUE', name: 'Far away', polygon: [far, shifted(far, 2_000), shifted(far, 0, 2_000), far] };
  const { answer: zone } = accepted(await say.mutate<{ id: string }>(say.admin, 'createZone', '$input: CreateZoneInput!', { input }, 'id'));
  await t.owner`insert into airport_queue (driver_id, zone_id, entered_at) select ${driver.uuid}, id, now() from zones limit 1`;
  await set({ state: 'OFFLINE' });
  await finds('QUEUED_DRIVER_NOT_FREE', driver.uuid);
  accepted(await say.mutate(say.admin, 'retireZone', '$id: ID!', { id: zone?.id }, 'id'));
  await set({ state: 'AVAILABLE' });

  await say.requested(say.rider(), pickup);
  await say.offer(driver);
  const [offer] = await t.owner`update offers set expires_at = now() - interval '1 hour' where driver_id = ${driver.uuid} and status = 'PENDING' returning id`;
  await finds('OFFER_PAST_ITS_TIME', String(offer?.id));
  await eventually(async () => (await say.stateOf(driver)) !== 'OFFERED', 'the round is over');

  await set({ state: 'AVAILABLE' });
  await say.move(driver, pickup, 20);
  const { Redis } = await import('ioredis');
  const redis = new Redis(t.environment.redisUrl);
  const [type, , trip, , version] = (await redis.get(standingKey(driver.uuid)))?.split(',') ?? [];
  await redis.set(standingKey(driver.uuid), [type, 'AVAILABLE', trip, t.environment.clock().getTime() - 600_000, version].join(','));
  await redis.geoadd(availableKey('ECONOMY'), pickup.lng, pickup.lat, driver.uuid);
  await set({ state: 'OFFLINE' });
  await finds('SHOWN_DRIVER_NOT_FREE', driver.uuid);
  await say.move(driver, pickup, 21);
  await eventually(async () => (await violations()).every(({ kind }) => kind !== 'SHOWN_DRIVER_NOT_FREE'), 'the next point mends it');
  redis.disconnect();

  const month = new Date(t.environment.clock().getTime() + 7 * 24 * 3_600_000).toISOString().slice(0, 7).replace('-', '_');
  await t.owner`alter table driver_location_history detach partition ${t.owner(`driver_location_history_${month}`)}`;
  await t.owner`alter table ${t.owner(`driver_location_history_${month}`)} rename to gone`;
  await finds('HISTORY_MONTH_MISSING', `driver_location_history_${month}`);
});
