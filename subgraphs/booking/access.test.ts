import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS, systemActor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const ENTITIES = 'query($representations: [_Any!]!) { _entities(representations: $representations) {';
const entities = <T>(actor: Actor, representations: object[], fields: string, variables: Record<string, unknown> = {}, head = ENTITIES) =>
  booking.run<{ _entities: T[] }>(actor, `${head} ${fields} } }`, { representations, ...variables });

interface Page {
  bookings: { totalCount: number; nodes: { id: string; status: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } } | null;
}
const bookingsOf = (actor: Actor, userId: string, variables: { status?: string; first?: number; after?: string | null } = {}) =>
  entities<Page>(
    actor,
    [{ __typename: 'User', id: publicId('usr', userId) }],
    '... on User { bookings(status: $status, first: $first, after: $after) { totalCount nodes { id status } pageInfo { hasNextPage endCursor } } }',
    variables,
    'query($representations: [_Any!]!, $status: BookingStatus, $first: Int, $after: String) { _entities(representations: $representations) {',
  );

interface Availability {
  id: string;
  availability: { free: boolean; busy: { from: string; to: string }[]; nextFreeFrom: string | null } | null;
}
const availability = (actor: Actor, ids: readonly string[], from: string, to: string) =>
  entities<Availability>(
    actor,
    ids.map((id) => ({ __typename: 'Vehicle', id })),
    '... on Vehicle { id availability(from: $from, to: $to) { free busy { from to } nextFreeFrom } }',
    { from, to },
    'query($representations: [_Any!]!, $from: DateTime!, $to: DateTime!) { _entities(representations: $representations) {',
  );

test('BK-13: a booking is there for its customer and for admins, and for nobody else', async () => {
  const mona = say.customer();
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  expect((await say.look(mona, made.id))?.id).toBe(made.id);
  expect((await say.look(admin, made.id))?.id).toBe(made.id);
  for (const stranger of [say.customer(), user('DRIVER'), user('SUPPORT'), user('PARTNER')]) expect(await say.look(stranger, made.id)).toBeNull();
  for (const id of [publicId('bkg', randomUUID()), publicId('trp', made.uuid), 'nonsense', '']) expect(await say.look(mona, id)).toBeNull();
  const anonymous = await booking.run(ANONYMOUS, 'query($id: ID!) { booking(id: $id) { id } }', { id: made.id });
  expect(anonymous.codes).toEqual(['UNAUTHENTICATED']);
});

test('BK-13: references to bookings, by id or by ref, are one query and show only what the actor may see', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const hers = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const his = await say.held(karim, (await say.vehicle()).id, say.hoursAhead(48));
  const representations = [
    { __typename: 'Booking', id: hers.id },
    { __typename: 'Booking', ref: hers.id },
    { __typename: 'Booking', id: his.id },
    { __typename: 'Booking', ref: 'nonsense' },
  ];
  const batch = '%from "bookings" where "bookings"."id" in%';
  const before = await booking.statements(batch);
  const answer = await entities<{ id: string } | null>(mona, representations, '... on Booking { id status }');
  expect(answer.data._entities.map((entity) => entity?.id ?? null)).toEqual([hers.id, hers.id, null, null]);
  expect((await booking.statements(batch)) - before).toBe(1);
  expect((await entities(ANONYMOUS, representations, '... on Booking { id }')).data._entities).toEqual([null, null, null, null]);
});

test('BK-09: my bookings, the newest first, by status and by page', async () => {
  const mona = say.customer();
  const made: string[] = [];
  for (let n = 0; n < 5; n += 1) made.unshift((await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48))).id);
  await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  await say.cancel(mona, made[2] as string);

  const all = (await bookingsOf(mona, mona.id)).data._entities[0]?.bookings;
  expect(all).toMatchObject({ totalCount: 5, pageInfo: { hasNextPage: false } });
  expect(all?.nodes.map(({ id }) => id)).toEqual(made);
  const cancelled = (await bookingsOf(mona, mona.id, { status: 'CANCELLED' })).data._entities[0]?.bookings;
  expect(cancelled).toMatchObject({ totalCount: 1, nodes: [{ id: made[2], status: 'CANCELLED' }] });

  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page: Page['bookings'] | undefined = (await bookingsOf(admin, mona.id, { first: 2, after })).data._entities[0]?.bookings;
    seen.push(...(page?.nodes ?? []).map(({ id }) => id));
    after = page?.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  } while (after);
  expect(seen).toEqual(made);
  expect((await bookingsOf(mona, mona.id, { first: 101 })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await bookingsOf(mona, mona.id, { after: 'nonsense' })).codes).toEqual(['VALIDATION_ERROR']);
});

test('BK-13: the bookings of somebody else are FORBIDDEN, and null', async () => {
  const mona = say.customer();
  for (const stranger of [ANONYMOUS, say.customer(), user('SUPPORT')]) {
    const answer = await bookingsOf(stranger, mona.id);
    expect(answer.codes).toEqual(['FORBIDDEN']);
    expect(answer.data._entities[0]?.bookings).toBeNull();
  }
});

test('BK-08: everybody sees when a car is free, from the moment that a booking is answered', async () => {
  const car = await say.vehicle();
  const times = say.hoursAhead(48);
  const ask = async () => (await availability(ANONYMOUS, [car.id], times.pickupAt, times.returnAt)).data._entities[0]?.availability;
  expect(await ask()).toEqual({ free: true, busy: [], nextFreeFrom: times.pickupAt });
  const mona = say.customer();
  const made = await say.held(mona, car.id, times);
  const prepared = new Date(new Date(times.returnAt).getTime() + 2 * 3_600_000).toISOString();
  expect(await ask()).toEqual({ free: false, busy: [{ from: times.pickupAt, to: prepared }], nextFreeFrom: prepared });
  await say.cancel(mona, made.id);
  expect((await ask())?.free).toBe(true);
});

test('BK-08: an answer is never older than a booking of the same request', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const [first, second] = [say.hoursAhead(48), say.hoursAhead(200)];
  const quotes = [await say.quoted(mona, car.id, first), await say.quoted(mona, car.id, second)];
  const window = `availability(from: "${second.pickupAt}", to: "${second.returnAt}") { free }`;
  const create = (index: number) =>
    `createBooking(input: { quoteId: "${quotes[index]?.id}", paymentMethod: WALLET, idempotencyKey: "${randomUUID()}" }) { vehicle { ${window} } }`;
  const answer = await booking.run(mona, `mutation { a: ${create(0)} b: ${create(1)} }`);
  expect(answer.data).toEqual({ a: { vehicle: { availability: { free: true } } }, b: { vehicle: { availability: { free: false } } } });
});

test('BK-08: a hundred cars for ninety days are one query, by the index; how long it takes is told by the bench', async () => {
  const cars = await Promise.all(Array.from({ length: 100 }, () => say.vehicle()));
  const { pickupAt: from } = say.hoursAhead(24);
  const to = new Date(new Date(from).getTime() + 90 * 24 * 3_600_000).toISOString();
  // Thirty bookings for each car; through commands this would take minutes.
  await booking.owner`with made as (
      insert into quotes (id, customer_id, vehicle_id, pickup_at, return_at, days, daily_rate_minor, lines, total_minor, currency, expires_at, created_at)
      select gen_random_uuid(), gen_random_uuid(), v::uuid, at, at + interval '2 days', 2, 1, '[]', 1, 'EGP', now(), now()
      from unnest(${cars.map(({ uuid }) => uuid)}::text[]) v, generate_series(${from}::timestamptz, ${to}::timestamptz, interval '3 days') at returning *),
    booked as (insert into bookings (id, customer_id, vehicle_id, quote_id, status, pickup_at, return_at, during, daily_rate_minor, total_minor, currency,
      payment_method, hold_expires_at, created_at, updated_at)
    select gen_random_uuid(), customer_id, vehicle_id, id, 'HELD', pickup_at, return_at, tstzrange(pickup_at, return_at + interval '2 hours'), 1, 1, 'EGP',
      'WALLET', now() + interval '1 day', now(), now() from made returning *)
    insert into vehicle_claims (id, holder_id, kind, vehicle_id, during) select id, id, 'BOOKING', vehicle_id, during from booked`;
  const ids = cars.map(({ id }) => id);
  const batch = '%vehicle_busy_ranges(%';
  const before = await booking.statements(batch);
  const answer = await availability(ANONYMOUS, ids, from, to);
  expect((await booking.statements(batch)) - before).toBe(1);
  expect(answer.data._entities.map((vehicle) => vehicle.availability?.busy.length)).toEqual(ids.map(() => 31));
  const plan = await booking.owner`explain select b.during from vehicle_claims b where b.vehicle_id = ${cars[0]?.uuid as string}
    and b.during && tstzrange(${from}::timestamptz, null) order by lower(b.during) limit 1000`;
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toContain('vehicle_claims_no_overlap');
});

test('BK-08: vehicles that booking has not heard of, that are not rented out, and windows that make no sense', async () => {
  const { pickupAt, returnAt } = say.hoursAhead(48);
  const others = [await say.vehicle({ use: 'RIDE' }), await say.vehicle({ status: 'RETIRED' })];
  const answer = await availability(ANONYMOUS, [publicId('veh', randomUUID()), ...others.map(({ id }) => id), 'nonsense'], pickupAt, returnAt);
  expect(answer.data._entities.map((vehicle) => vehicle.availability?.free ?? null)).toEqual([true, false, false, null]);
  const inverted = await availability(ANONYMOUS, [publicId('veh', randomUUID())], returnAt, pickupAt);
  expect(inverted.codes).toEqual(['VALIDATION_ERROR']);
  expect(inverted.errors[0]?.extensions.details).toMatchObject({ field: 'to', rule: 'after_from' });
});

test('ID-08: raw SQL as the service sees, makes and changes only what is the actor’s own', async () => {
  const [mona, karim] = [say.customer(), say.customer()];
  const made = await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const rowsFor = (actorId: string, roles: string) =>
    booking.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actorId}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const seen = [];
      for (const table of ['bookings', 'quotes', 'booking_transitions']) seen.push((await sql`select * from ${sql(table)}`).length);
      const changed = (await sql`update bookings set cancel_reason = 'seen' where id = ${made.uuid} returning 1`).length;
      return { seen, changed };
    });
  expect(await rowsFor(mona.id, 'CUSTOMER')).toEqual({ seen: [1, 1, 1], changed: 1 });
  expect(await rowsFor(karim.id, 'CUSTOMER')).toEqual({ seen: [0, 0, 0], changed: 0 });
  expect(await rowsFor('', '')).toEqual({ seen: [0, 0, 0], changed: 0 });
  const total = (await booking.owner`select 1 from bookings`).length;
  expect((await rowsFor('', 'SYSTEM')).seen[0]).toBe(total);
  expect((await rowsFor(admin.id, 'ADMIN')).seen[0]).toBe(total);

  const asKarim = (statement: (sql: typeof booking.asService) => Promise<unknown>) =>
    booking.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${karim.id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
      return statement(sql as unknown as typeof booking.asService);
    });
  const columns = 'id, customer_id, vehicle_id, pickup_at, return_at, days, daily_rate_minor, lines, total_minor, currency, expires_at, created_at';
  const forged = `'${randomUUID()}', '${mona.id}', '${randomUUID()}', now(), now(), 1, 1, '[]', 1, 'EGP', now(), now()`;
  await expect(asKarim((sql) => sql.unsafe(`insert into quotes (${columns}) values (${forged})`))).rejects.toThrow('row-level security');
  await expect(
    asKarim((sql) => sql`insert into booking_transitions (booking_id, sequence, to_status, actor, at) values (${made.uuid}, 9, 'CANCELLED', 'x', now())`),
  ).rejects.toThrow('row-level security');
  // Public, and without a word of whose they are.
  const busy = await booking.asService`select * from vehicle_busy_ranges((select array_agg(vehicle_id) from vehicles), now(), null)`;
  expect(Object.keys(busy[0] ?? {})).toEqual(['vehicle_id', 'busy_from', 'busy_to']);
});

interface Health {
  bookingViolations: { kind: string; reference: string }[];
}
const health = async (actor: Actor) =>
  (await entities<Health | null>(actor, [{ __typename: 'SystemHealth', id: 'system' }], '... on SystemHealth { bookingViolations { kind reference since } }'))
    .data._entities[0];

test('PF-02b: health finds holds that outlive their end, and is for admins', async () => {
  expect(await health(ANONYMOUS)).toBeNull();
  expect(await health(say.customer())).toBeNull();
  const made = await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  await booking.owner`update bookings set hold_expires_at = now() - interval '2 minutes' where id = ${made.uuid}`;
  expect((await health(admin))?.bookingViolations).toEqual([expect.objectContaining({ kind: 'HOLD_NOT_EXPIRED', reference: made.uuid })]);
  await booking.owner`update bookings set hold_expires_at = now() + interval '2 minutes' where id = ${made.uuid}`;
  expect((await health(systemActor('health')))?.bookingViolations).toEqual([]);
});

test('PF-02b: health finds two bookings of one car, should the check at commit ever be gone', async () => {
  const made = await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  const twin = randomUUID();
  await booking.owner`alter table bookings disable trigger bookings_have_claims`;
  try {
    await booking.owner`insert into quotes select (jsonb_populate_record(q, jsonb_build_object('id', ${twin}::uuid))).* from quotes q
      where q.id = (select quote_id from bookings where id = ${made.uuid})`;
    await booking.owner`insert into bookings select (jsonb_populate_record(b, jsonb_build_object('id', ${twin}::uuid, 'quote_id', ${twin}::uuid))).*
      from bookings b where b.id = ${made.uuid}`;
    const [violation, ...more] = (await health(admin))?.bookingViolations ?? [];
    expect(violation?.kind).toBe('BOOKINGS_OVERLAP');
    expect(violation?.reference.split(' ').sort()).toEqual([made.uuid, twin].sort());
    expect(more).toEqual([expect.objectContaining({ kind: 'CLAIM_DOES_NOT_FIT', reference: twin })]);
  } finally {
    await booking.owner`delete from bookings where id = ${twin}`;
    await booking.owner`alter table bookings enable trigger bookings_have_claims`;
  }
});
