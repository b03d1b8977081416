import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import type { WaygraphClient } from '../../sdk/client.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

// BK-06, BK-04: whoever changes a booking pays or is paid the difference once, whichever of booking and payments is killed at that, and wherever.

let graph: TestGraph;
let admin: WaygraphClient;
beforeAll(async () => {
  graph = await startGraph('split');
  admin = await graph.as('admin');
});
afterAll(() => graph[Symbol.asyncDispose]());

const CONVERGES_WITHIN_MS = 60_000;
/** A car for each test, and another one to change to; four days of each cost less than everybody has. */
const CARS = [
  ['veh_01j0000000e00800g000000002', 'veh_01j0000000e00800g000000006'],
  ['veh_01j0000000e00800g000000005', 'veh_01j0000000e00800g000000009'],
  ['veh_01j0000000e00800g000000001', 'veh_01j0000000e00800g000000003'],
] as const;
const at = (day: number) => `2033-04-${String(day).padStart(2, '0')}T10:00:00+02:00`;

/** The car, or its booking, is held in the database of booking; or what was paid, in that of payments. */
type Place = { process: 'booking' | 'payments-ledger'; hold: (sql: ReturnType<TestGraph['owner']>, bookingUuid: string) => Promise<unknown> };
const CLAIMED: Place = { process: 'booking', hold: (sql, uuid) => sql`select pg_advisory_xact_lock(hashtextextended(${uuid}, 42))` };
const PAID: Place = { process: 'payments-ledger', hold: (sql, uuid) => sql`select 1 from payments where subject_id = ${uuid} for update` };

/** Does something until a process waits for what is held, kills the process, lets go, and starts it again. What was done may have failed by that. */
async function killAt({ process: name, hold }: Place, bookingUuid: string, work: () => Promise<unknown>): Promise<unknown> {
  const sql = graph.owner(name);
  const holder = await sql.reserve();
  const waiting = async () =>
    (await sql`select 1 from pg_stat_activity where datname = current_database() and application_name = ${`waygraph-${name}`} and wait_event_type = 'Lock'`)
      .length > 0;
  let outcome: Promise<unknown> = Promise.resolve();
  try {
    await holder`begin`;
    await hold(holder as never, bookingUuid);
    expect(await waiting()).toBe(false);
    outcome = work().catch((error: unknown) => error);
    await eventually(waiting, `${name} to wait for what is held`, 20_000);
    await graph.kill(name);
  } finally {
    await holder`rollback`;
    holder.release();
  }
  await graph.revive(name);
  return outcome;
}

test.each([
  ['booking, with the new range taken and nobody told', CLAIMED, 'dates'],
  ['payments, with the difference to be collected', PAID, 'car'],
  ['both, one after the other', null, 'both'],
] as const)('BK-06: killed is %s', { timeout: 240_000 }, async (_who, place, what) => {
  const customer = await graph.newCustomer();
  await topUp(customer);
  const [car, other] = CARS[['dates', 'car', 'both'].indexOf(what)] ?? CARS[0];
  const available = async () => Number((await customer.Me()).me?.wallet?.available.amount);
  const quote = async (vehicleId: string, from: number, to: number, changesBookingId?: string) =>
    (await customer.QuoteRental({ input: { vehicleId, pickupAt: at(from), returnAt: at(to), changesBookingId } })).quoteRental;

  const first = await quote(car, 3, 5);
  const { createBooking } = await customer.CreateBooking({ input: { quoteId: first.id, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
  const { id } = createBooking;
  const uuid = uuidOf('bkg', id) as string;
  // Everything about the booking has come to rest before somebody waits for a lock on it.
  const captured = async () => {
    const { booking } = await customer.GetBooking({ id });
    return booking?.status === 'CONFIRMED' && booking.payment?.status === 'CAPTURED' && (await atRest(uuid));
  };
  await eventually(captured, 'the booking to be paid', CONVERGES_WITHIN_MS);
  expect(await available()).toBeCloseTo(10_000 - Number(first.total.amount), 2);

  const change = async (vehicleId: string, from: number, to: number, places: readonly Place[]) => {
    const { id: quoteId, total } = await quote(vehicleId, from, to, id);
    const input = { bookingId: id, quoteId, idempotencyKey: randomUUID() };
    for (const each of places) await killAt(each, uuid, () => customer.ChangeBooking({ input }));
    // Whether it was done or not, the same key gives the same: once.
    const again = () => eventually(async () => (await customer.ChangeBooking({ input })).changeBooking, 'booking to be back', CONVERGES_WITHIN_MS);
    const [once, twice] = [await again(), await again()];
    expect(once).toMatchObject({ id, status: 'CONFIRMED', total, vehicle: { id: vehicleId } });
    expect(twice).toMatchObject({ total, vehicle: { id: vehicleId } });
    const settled = async () => Math.abs((await available()) - (10_000 - Number(total.amount))) < 0.005 && (await atRest(uuid));
    await eventually(settled, `the difference to ${total.amount} to be settled`, CONVERGES_WITHIN_MS);
    return total;
  };
  const dearer = await change(what === 'car' ? other : car, 4, 8, place ? [place] : [CLAIMED, PAID]);
  expect(Number(dearer.amount)).toBeGreaterThan(Number(first.total.amount));
  // And back again: what was too much is given back, once.
  const cheaper = await change(what === 'dates' ? car : other, 10, 11, place ? [place] : [CLAIMED, PAID]);
  expect(Number(cheaper.amount)).toBeLessThan(Number(dearer.amount));

  const sql = graph.owner('booking');
  const events = await sql`select payload ->> 'deltaMinor' as delta from events where type = 'booking.changed' and aggregate_id = ${uuid} order by position`;
  const minor = (amount: string) => Math.round(Number(amount) * 100);
  expect(events.map(({ delta }) => Number(delta))).toEqual([minor(dearer.amount) - minor(first.total.amount), minor(cheaper.amount) - minor(dearer.amount)]);
  expect(await sql`select 1 from vehicle_claims where holder_id = ${uuid}`).toHaveLength(1);
  const overlapping = await sql`select 1 from vehicle_claims a join vehicle_claims b on a.vehicle_id = b.vehicle_id and a.id < b.id and a.during && b.during`;
  expect(overlapping).toHaveLength(0);
  const health = await admin.SystemHealth();
  expect(health.systemHealth.violations).toEqual([]);
});

/** Ten thousand pounds, paid on the sandbox's page. */
async function topUp(client: WaygraphClient): Promise<void> {
  const { initiateDeposit } = await client.InitiateDeposit({ input: { amount: { amount: '10000.00', currency: 'EGP' }, idempotencyKey: randomUUID() } });
  expect((await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) })).ok).toBe(true);
  await eventually(async () => (await client.Me()).me?.wallet?.available.amount === '10000.00', 'the deposit', CONVERGES_WITHIN_MS);
}

/** Nothing of the booking is on its way, in either direction, and its agreement has been sent. */
async function atRest(bookingUuid: string): Promise<boolean> {
  const pending = await Promise.all(
    (['booking', 'payments-ledger'] as const).map(
      async (name) => (await graph.owner(name)`select 1 from deliveries where acknowledged_at is null and consumer in ('booking', 'payments-ledger')`).length,
    ),
  );
  const due = await graph.owner('booking')`select 1 from timers where key like ${`${bookingUuid}%`} and due_at < now()`;
  return pending.every((count) => count === 0) && due.length === 0;
}
