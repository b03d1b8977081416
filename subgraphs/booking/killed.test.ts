import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ReservedSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Actor } from '../../platform/actor.js';
import { uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, TEST_SECRET, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';
import { redisUntilInvalidation } from './redisWall.given.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

const SWAP = 'mutation($input: SwapVehiclesInput!) { swapVehicles(input: $input) { id vehicle { id } } }';

/** What the database calls it: others of the test wait for what is held, too, and say nothing of where it is. */
const TO_BE_KILLED = 'to-be-killed';

/** Booking as a process of its own, that is asked something, or only does what is due. */
function startToKill(booking: TestSubgraph, request?: object, more: NodeJS.ProcessEnv = {}): { kill(): Promise<void> } {
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: `${booking.environment.databaseUrl}?application_name=${TO_BE_KILLED}`,
      REDIS_URL: booking.environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
      REQUEST: request ? JSON.stringify(request) : '',
      ...more,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    kill() {
      child.kill('SIGKILL');
      return gone;
    },
  };
}

/**
 * Runs booking as a process of its own until it waits for something that `hold` has locked, kills it there, and lets go. `request` is what an admin, or this
 * actor, asks of it; without one it only does what is due.
 */
async function killWhereItWaits(booking: TestSubgraph, hold: (sql: ReservedSql) => Promise<unknown>, request?: object, actor?: Actor): Promise<void> {
  const holder = await booking.owner.reserve();
  const waiting = async () => {
    const rows = await booking.owner`select 1 from pg_stat_activity where datname = current_database() and application_name = ${TO_BE_KILLED}
      and wait_event_type = 'Lock'`;
    return rows.length > 0;
  };
  await holder`begin`;
  await hold(holder);
  const child = startToKill(booking, request, actor && { ACTOR: JSON.stringify(actor) });
  try {
    await eventually(waiting, 'the process to wait for what is held', 45_000);
  } finally {
    await child.kill();
    await holder`rollback`;
    holder.release();
  }
  await eventually(async () => !(await waiting()), 'the killed process to be gone from the database');
}

async function twoBookings() {
  const [one, two] = [await say.vehicle(), await say.vehicle()];
  const hers = await say.confirmed(say.customer(), one.id, say.hoursAhead(48, 26));
  const his = await say.confirmed(say.customer(), two.id, say.hoursAhead(48));
  return { one, two, hers, his, request: { query: SWAP, variables: { input: { bookingId: hers.id, otherBookingId: his.id } } } };
}

/** Where the process dies: before anything is released, between release and claim, and with everything claimed but nothing written down. */
const SWAP_STEPS = ['vehicles locked', 'released', 'claimed'] as const;
test.each(SWAP_STEPS)('BK-06b: killed in a swap, at "%s", nothing has changed, and it can be done again', async (step) => {
  const { one, two, hers, his, request } = await twoBookings();
  const hold = (sql: ReservedSql) => {
    if (step === 'vehicles locked') return sql`select pg_advisory_xact_lock(hashtextextended(${one.uuid}, 44))`;
    // A claim that is not decided yet, in the gap behind his booking that hers would need: the swap waits for it once its own are released.
    if (step === 'released') {
      return sql`insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
        select gen_random_uuid(), gen_random_uuid(), 'BLOCK', ${two.uuid}::uuid, tstzrange(upper(during), upper(during) + interval '1 hour')
        from bookings where id = ${his.uuid}`;
    }
    return sql`select pg_advisory_xact_lock(hashtextextended(${hers.uuid}, 42))`;
  };
  await killWhereItWaits(booking, hold, request);
  expect((await say.desk(admin, hers.id)).vehicle.id).toBe(one.id);
  expect((await say.desk(admin, his.id)).vehicle.id).toBe(two.id);
  expect(await say.claimedTwice()).toEqual([]);
  expect(await say.emittedFor('booking.changed', hers.uuid)).toEqual([]);
  expect((await say.quote(say.customer(), one.id, say.hoursAhead(48))).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  const again = await say.swap(admin, hers.id, his.id);
  expect(again.errors).toEqual([]);
  expect((await say.desk(admin, hers.id)).vehicle.id).toBe(two.id);
  expect(await say.emittedFor('booking.changed', his.uuid)).toHaveLength(1);
});

const REPLACE = 'mutation($input: ReplaceVehicleInput!) { replaceVehicle(input: $input) { id } }';

/** Where the process dies: before anything is released, and with everything moved but nobody told. */
test.each(['vehicles locked', 'claimed'] as const)(
  'BK-06b: killed in a move to another car, at "%s", nothing has changed, and it can be done again',
  {
    timeout: 60_000,
  },
  async (step) => {
    const [one, two] = [await say.vehicle(), await say.vehicle()];
    const made = await say.confirmed(say.customer(), one.id, say.hoursAhead(48));
    const hold = (sql: ReservedSql) =>
      step === 'vehicles locked'
        ? sql`select pg_advisory_xact_lock(hashtextextended(${two.uuid}, 44))`
        : sql`select pg_advisory_xact_lock(hashtextextended(${made.uuid}, 42))`;
    await killWhereItWaits(booking, hold, { query: REPLACE, variables: { input: { bookingId: made.id, vehicleId: two.id } } });
    expect((await say.desk(admin, made.id)).vehicle.id).toBe(one.id);
    expect(await say.emittedFor('booking.changed', made.uuid)).toEqual([]);
    expect((await say.quote(say.customer(), two.id, say.hoursAhead(48))).codes).toEqual([]);
    expect((await say.replace(admin, made.id, two.id)).errors).toEqual([]);
    expect((await say.quote(say.customer(), one.id, say.hoursAhead(48))).codes).toEqual([]);
    expect(await say.claimedTwice()).toEqual([]);
  },
);

const CHANGE = 'mutation($input: ChangeBookingInput!) { changeBooking(input: $input) { id } }';

/** A booking with what its customer was quoted for it: longer, and behind its own end; on the same car or another one. */
async function changeAhead(kind: 'dates' | 'car') {
  const mona = say.customer();
  const [car, other] = [await say.vehicle(), await say.vehicle({ dailyRateMinor: '200000' })];
  const made = await say.confirmed(mona, car.id, say.hoursAhead(48, 24));
  const target = kind === 'dates' ? car : other;
  const times = say.hoursAhead(60, 48);
  const quoteId = (await say.quote(mona, target.id, times, { changesBookingId: made.id })).data.quoteRental.id;
  const quote = uuidOf('qte', quoteId) as string;
  const idempotencyKey = randomUUID();
  const request = { query: CHANGE, variables: { input: { bookingId: made.id, quoteId, idempotencyKey } } };
  const state = async () => ({
    booking: await say.look(mona, made.id),
    claims: [...(await booking.owner`select vehicle_id, during from vehicle_claims where holder_id = ${made.uuid}`)],
    used: (await booking.owner`select used_by_booking from quotes where id = ${quote}`)[0]?.used_by_booking,
    keys: (await booking.owner`select 1 from idempotency_keys where key = ${idempotencyKey}`).length,
    transitions: (await booking.owner`select 1 from booking_transitions where booking_id = ${made.uuid}`).length,
    timers: [...(await booking.owner`select kind, due_at from timers where key like ${`${made.uuid}%`} order by kind, due_at`)],
    events: (await say.emittedFor('booking.changed', made.uuid)).length,
  });
  /** Done, once, whoever asks for it again: what payments collects is in the one event. */
  const isDone = async () => {
    const again = () => say.change(mona, made.id, quoteId, { idempotencyKey });
    const [first, second] = [await again(), await again()];
    expect([first.errors, second.data]).toEqual([[], first.data]);
    expect(first.data.changeBooking).toMatchObject({ status: 'CONFIRMED', vehicle: { id: target.id }, ...times });
    const events = await say.emittedFor('booking.changed', made.uuid);
    expect(events.map(({ deltaMinor, totalMinor, vehicleId }) => [deltaMinor, totalMinor, vehicleId])).toEqual([
      kind === 'dates' ? ['159600', '319200', target.uuid] : ['296400', '456000', target.uuid],
    ]);
    const claims = await booking.owner`select vehicle_id from vehicle_claims where holder_id = ${made.uuid}`;
    expect(claims.map((claim) => claim.vehicle_id)).toEqual([target.uuid]);
    expect([await say.claimedTwice(), await say.overlaps()]).toEqual([[], []]);
    // What it left is free, what it has is not.
    expect((await say.quote(say.customer(), car.id, say.hoursAhead(48, 8))).codes).toEqual([]);
    expect((await say.quote(say.customer(), target.id, say.hoursAhead(100, 2))).codes).toEqual(['VEHICLE_UNAVAILABLE']);
  };
  return { mona, car, target, made, quote, request, state, isDone };
}

/** Where the process dies: before anything, with the booking locked, with both; before anything is released, between release and claim, and with nobody told. */
const CHANGE_STEPS = ['booking', 'quote', 'vehicles locked', 'released', 'claimed'] as const;
describe.each(['dates', 'car'] as const)('BK-06: killed in a change of %s', (kind) => {
  test.each(CHANGE_STEPS)('at "%s", nothing has changed, and asked again it is done once', { timeout: 60_000 }, async (step) => {
    const { mona, target, made, quote, request, state, isDone } = await changeAhead(kind);
    const before = await state();
    const hold = (sql: ReservedSql): Promise<unknown> => {
      if (step === 'booking') return sql`select 1 from bookings where id = ${made.uuid} for update`;
      if (step === 'quote') return sql`select 1 from quotes where id = ${quote} for update`;
      if (step === 'vehicles locked') return sql`select pg_advisory_xact_lock(hashtextextended(${target.uuid}, 44))`;
      // A claim that is not decided yet, behind what the booking has and within what it wants.
      if (step === 'released') {
        return sql`insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
          select gen_random_uuid(), gen_random_uuid(), 'BLOCK', ${target.uuid}::uuid, tstzrange(upper(during), upper(during) + interval '1 hour')
          from bookings where id = ${made.uuid}`;
      }
      return sql`select pg_advisory_xact_lock(hashtextextended(${made.uuid}, 42))`;
    };
    await killWhereItWaits(booking, hold, request, mona);
    expect(await state()).toEqual(before);
    expect(await say.claimedTwice()).toEqual([]);
    await isDone();
  });

  test('between its commit and its answer, it is done, once, and everybody hears of it', { timeout: 60_000 }, async () => {
    const { mona, request, isDone, made } = await changeAhead(kind);
    const redis = await redisUntilInvalidation(booking.environment.redisUrl);
    const child = startToKill(booking, request, { ACTOR: JSON.stringify(mona), REDIS_URL: redis.url });
    try {
      await redis.reached;
    } finally {
      await child.kill();
      redis.close();
    }
    expect(await say.emittedFor('booking.changed', made.uuid)).toHaveLength(1);
    await isDone();
    // What the dead process could not send goes out by those that live.
    const sent = async () => {
      const rows = await booking.owner`select 1 from deliveries d join events e on e.id = d.event_id where e.type = 'booking.changed'
        and e.aggregate_id = ${made.uuid} and d.attempts = 0`;
      return rows.length === 0;
    };
    await eventually(sent, 'the event to be sent');
  });
});

/** With the timer taken and the booking not; with the booking expired and the vehicle not given back; with the vehicle given back and nobody told. */
const EXPIRY_STEPS = ['booking', 'vehicle', 'event'] as const;
test.each(EXPIRY_STEPS)('BK-10: killed in an expiry, at its %s, the hold expires all the same, once', async (step) => {
  await using alone = await startTestSubgraph('booking', startBooking);
  const prepare = given(alone);
  const car = await prepare.vehicle();
  const made = await prepare.held(prepare.customer(), car.id, prepare.hoursAhead(48));
  const status = async () => (await alone.owner`select status from bookings where id = ${made.uuid}`)[0]?.status;
  // Only the process that is killed may find the timer.
  await alone.subgraph.stop();
  await alone.owner`update bookings set hold_expires_at = now() where id = ${made.uuid}`;
  await alone.owner`update timers set due_at = now() where kind = 'holdExpiry' and key = ${made.uuid}`;
  await killWhereItWaits(alone, (sql) => {
    if (step === 'booking') return sql`select 1 from bookings where id = ${made.uuid} for update`;
    if (step === 'vehicle') return sql`select pg_advisory_xact_lock(hashtextextended(${car.uuid}, 44))`;
    return sql`select pg_advisory_xact_lock(hashtextextended(${made.uuid}, 42))`;
  });
  expect(await status()).toBe('HELD');
  expect((await alone.owner`select 1 from vehicle_claims where holder_id = ${made.uuid}`).length).toBe(1);
  const next = await startBooking(alone.environment);
  try {
    await eventually(async () => (await status()) === 'EXPIRED', 'the hold to expire');
  } finally {
    await next.stop();
  }
  expect(await prepare.emittedFor('booking.expired', made.uuid)).toHaveLength(1);
  expect((await alone.owner`select 1 from vehicle_claims where holder_id = ${made.uuid}`).length).toBe(0);
});
