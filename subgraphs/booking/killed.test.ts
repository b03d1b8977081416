import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ReservedSql } from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph, TEST_SECRET, user } from '../../test/subgraphHarness.js';
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

const SWAP = 'mutation($input: SwapVehiclesInput!) { swapVehicles(input: $input) { id vehicle { id } } }';

/**
 * Runs booking as a process of its own until it waits for something that `hold` has locked, kills it there, and lets go. `request` is what an admin asks of
 * it; without one it only does what is due.
 */
async function killWhereItWaits(booking: TestSubgraph, hold: (sql: ReservedSql) => Promise<unknown>, request?: object): Promise<void> {
  const holder = await booking.owner.reserve();
  const waiting = async () => {
    const rows = await booking.owner`select pid from pg_stat_activity where datname = current_database() and application_name = 'waygraph-booking'
      and wait_event_type = 'Lock'`;
    return rows.map((row) => row.pid as number);
  };
  await holder`begin`;
  await hold(holder);
  const others = new Set(await waiting());
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: booking.environment.databaseUrl,
      REDIS_URL: booking.environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
      REQUEST: request ? JSON.stringify(request) : '',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  try {
    await eventually(async () => (await waiting()).some((pid) => !others.has(pid)), 'the process to wait for what is held', 45_000);
  } finally {
    child.kill('SIGKILL');
    await gone;
    await holder`rollback`;
    holder.release();
  }
  await eventually(async () => (await waiting()).length === 0, 'the killed process to be gone from the database');
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
