import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import type { EventEnvelope } from '../../platform/outbox.js';
import { openQueue } from '../../platform/queue.js';
import { eventQueueName } from '../../platform/relay.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const system = systemActor('test');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const paymentOf = (bookingId: string) => g.payment(system, 'Booking', bookingId);
const money = async (bookingId: string) => {
  const payment = await paymentOf(bookingId);
  return payment && [payment.status, payment.amount.amount, payment.captured.amount, payment.refunded.amount];
};
const becomes = (bookingId: string, expected: string[]) =>
  eventually(async () => JSON.stringify(await money(bookingId)) === JSON.stringify(expected), `the payment to be ${expected.join(' ')}`);
const told = async (bookingId: string) =>
  (
    await t.owner`select type, payload ->> 'amountMinor' as minor, payload ->> 'part' as part from events
    where aggregate_type = 'payment' and type not in ('payment.initiated', 'payment.completed') and payload ->> 'subjectId' = ${bookingId}
    order by position`
  ).map((row) => [row.type, row.minor, row.part].filter(Boolean).join(' '));
const balance = async (person: Person) => (await g.wallet(person, person.id))?.available.amount;
const debt = async (person: Person) =>
  (await t.owner`select balance_minor::int as minor from accounts where type = 'RECEIVABLE' and owner_id = ${person.id}`)[0]?.minor ?? 0;
const charges = async (bookingId: string) =>
  (
    await t.owner`select c.status, c.captured_minor::int as captured, c.refunded_minor::int as refunded from sandbox_charges c
    join payments p on p.subject_id = ${bookingId} where c.order_id like ${`${(await paymentOf(bookingId))?.id}%`} order by c.order_id`
  ).map((row) => [row.status, row.captured, row.refunded].join(' '));

async function paidBooking(customer: Person, totalMinor: number, more: Record<string, unknown> = {}): Promise<string> {
  const id = await g.heldBooking(customer, totalMinor, more);
  if (more.paymentMethod === 'CARD') await eventually(async () => (await paymentOf(id))?.status === 'AUTHORISED', 'the card to be authorised');
  await g.booking('booking.confirmed', id, { totalMinor: String(totalMinor) });
  await eventually(async () => (await paymentOf(id))?.status === 'CAPTURED', 'the booking to be paid');
  return id;
}
const changed = (id: string, deltaMinor: number) => g.booking('booking.changed', id, { deltaMinor: String(deltaMinor), totalMinor: '1', cause: 'REQUESTED' });
const returned = (id: string, chargesMinor: number) => g.booking('booking.returned', id, { chargesMinor: String(chargesMinor) });
const settle = (person: Person, paymentId: string) => t.run(person, 'mutation($id: ID!) { settleDebt(paymentId: $id) { status } }', { id: paymentId });

test('BK-06: a longer booking is charged to the wallet, a shorter one refunded, a swap changes nothing', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '200.00');
  const id = await paidBooking(customer, 80_00);
  await changed(id, 50_00);
  expect(await money(id)).toEqual(['CAPTURED', '130.00', '130.00', '0.00']);
  expect(await balance(customer)).toBe('70.00');
  await changed(id, -30_00);
  expect(await money(id)).toEqual(['CAPTURED', '100.00', '130.00', '30.00']);
  expect(await balance(customer)).toBe('100.00');
  await changed(id, 0);
  expect(await told(id)).toEqual(['payment.authorised 8000', 'payment.captured 8000', 'payment.captured 5000', 'payment.refunded 3000']);
});

test('BK-06: cancelling a changed booking refunds what was really paid, less the fee, once', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '200.00');
  const id = await paidBooking(customer, 80_00);
  await changed(id, 50_00);
  await changed(id, -20_00);
  await g.booking('booking.cancelled', id, { feeMinor: '1000' });
  await g.booking('booking.cancelled', id, { feeMinor: '1000' });
  await changed(id, 40_00);
  expect(await money(id)).toEqual(['REFUNDED', '110.00', '130.00', '120.00']);
  expect(await balance(customer)).toBe('190.00');
});

test('PL-12: what a changed booking costs more and nobody can pay is owed, told as extra, and settled by its payer', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await paidBooking(customer, 80_00);
  await changed(id, 50_00);
  expect(await money(id)).toEqual(['FAILED', '130.00', '80.00', '0.00']);
  expect([await balance(customer), await debt(customer)]).toEqual(['20.00', -5000]);
  expect((await told(id)).at(-1)).toBe('payment.failed 5000 EXTRA');
  await changed(id, -35_00);
  expect([await balance(customer), await debt(customer)]).toEqual(['20.00', -1500]);
  const paymentId = (await paymentOf(id))?.id ?? '';
  const settled = await settle(customer, paymentId);
  expect(settled.codes).toEqual([]);
  expect(await money(id)).toEqual(['CAPTURED', '95.00', '95.00', '0.00']);
  expect([await balance(customer), await debt(customer)]).toEqual(['5.00', 0]);
});

test('PL-12: a debt is waived before money is given back; what the fee needs of it stays owed', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '80.00');
  const id = await paidBooking(customer, 80_00);
  await changed(id, 50_00);
  await g.booking('booking.cancelled', id, { feeMinor: '1000' });
  expect(await money(id)).toEqual(['REFUNDED', '130.00', '80.00', '70.00']);
  expect([await balance(customer), await debt(customer)]).toEqual(['70.00', 0]);
  const other = await g.withMoney(user('CUSTOMER'), '80.00');
  const dear = await paidBooking(other, 80_00);
  await changed(dear, 50_00);
  await g.booking('booking.cancelled', dear, { feeMinor: '9000' });
  expect([await balance(other), await debt(other)]).toEqual(['0.00', -1000]);
});

test('BK-07: a return is charged once, or owed; one without charges costs nothing', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const free = await paidBooking(customer, 10_00);
  await returned(free, 0);
  expect(await money(free)).toEqual(['CAPTURED', '10.00', '10.00', '0.00']);
  const late = await paidBooking(customer, 10_00);
  await returned(late, 25_00);
  expect(await money(late)).toEqual(['CAPTURED', '35.00', '35.00', '0.00']);
  const damaged = await paidBooking(customer, 10_00);
  await returned(damaged, 500_00);
  expect(await money(damaged)).toEqual(['FAILED', '510.00', '10.00', '0.00']);
  expect([await balance(customer), await debt(customer)]).toEqual(['45.00', -50000]);
});

test('BK-10: a booking that nobody came for keeps its fee, and the rest goes back', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await paidBooking(customer, 80_00);
  await g.booking('booking.noShow', id, { feeMinor: '3000' });
  expect(await money(id)).toEqual(['REFUNDED', '80.00', '80.00', '50.00']);
  expect(await balance(customer)).toBe('70.00');
});

test('PL-11: a card is charged more by an order of its own; refunds come from the newest order, a cancellation from all', async () => {
  const id = await paidBooking(user('CUSTOMER'), 80_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await changed(id, 50_00);
  await becomes(id, ['CAPTURED', '130.00', '130.00', '0.00']);
  expect(await charges(id)).toEqual(['CAPTURED 8000 0', 'CAPTURED 5000 0']);
  await changed(id, -20_00);
  await becomes(id, ['CAPTURED', '110.00', '130.00', '20.00']);
  expect(await charges(id)).toEqual(['CAPTURED 8000 0', 'CAPTURED 5000 2000']);
  await g.booking('booking.cancelled', id, { feeMinor: '1000' });
  await becomes(id, ['REFUNDED', '110.00', '130.00', '120.00']);
  expect(await charges(id)).toEqual(['CAPTURED 8000 7000', 'CAPTURED 5000 5000']);
});

test('PL-11: a card that is declined for more leaves a debt; a settled one goes back into the wallet', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '60.00');
  const id = await paidBooking(customer, 80_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await t.owner`update payments set token = 'tok_declined' where subject_id = ${id}`;
  await returned(id, 50_00);
  await becomes(id, ['FAILED', '130.00', '80.00', '0.00']);
  expect(await debt(customer)).toBe(-5000);
  await settle(customer, (await paymentOf(id))?.id ?? '');
  expect([await balance(customer), await debt(customer)]).toEqual(['10.00', 0]);
  await g.booking('booking.cancelled', id, { feeMinor: '0' });
  await becomes(id, ['REFUNDED', '130.00', '130.00', '130.00']);
  expect([await balance(customer), await charges(id)]).toEqual(['60.00', ['CAPTURED 8000 8000', 'DECLINED 0 0']]);
});

/** A booking paid by card, whose card company falls silent for whatever it costs more. */
async function withSilentCard(customer: Person): Promise<string> {
  const id = await paidBooking(customer, 80_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await t.owner`update payments set token = 'tok_timeout' where subject_id = ${id}`;
  return id;
}

test('PL-11: a gateway that is silent on an extra charge: it is owed, told as extra, and whatever came of it at the gateway is void', async () => {
  const customer = user('CUSTOMER');
  const id = await withSilentCard(customer);
  await changed(id, 50_00);
  await becomes(id, ['FAILED', '130.00', '80.00', '0.00']);
  expect(await paymentOf(id)).toMatchObject({ failureCode: 'PAYMENT_TIMEOUT' });
  expect(await debt(customer)).toBe(-5000);
  expect((await told(id)).at(-1)).toBe('payment.failed 5000 EXTRA');
  await eventually(async () => (await charges(id)).join() === 'CAPTURED 8000 0,VOIDED 0 0', 'the silent order to be void');
  await g.booking('booking.cancelled', id, { feeMinor: '0' });
  await becomes(id, ['REFUNDED', '130.00', '80.00', '80.00']);
  expect([await debt(customer), await charges(id)]).toEqual([0, ['CAPTURED 8000 8000', 'VOIDED 0 0']]);
});

test('PL-11: a cancellation while an extra charge is in flight: nothing of it is taken or owed, and the rest goes back but for the fee', async () => {
  const customer = user('CUSTOMER');
  const id = await withSilentCard(customer);
  await changed(id, 50_00);
  await eventually(
    async () =>
      (
        await t.owner`select 1 from gateway_calls c join payments p on p.id = c.payment_id
      where p.subject_id = ${id} and c.kind = 'AUTHORISE' and c.order_number = 1 and c.status = 'OPEN' and c.attempts > 0`
      ).length > 0,
    'the extra charge to be on its way',
  );
  await g.booking('booking.cancelled', id, { feeMinor: '1000' });
  await becomes(id, ['REFUNDED', '130.00', '80.00', '70.00']);
  expect(await debt(customer)).toBe(0);
  await eventually(async () => (await charges(id)).join() === 'CAPTURED 8000 7000,VOIDED 0 0', 'the charge in flight to be void');
  expect((await told(id)).filter((line) => line.includes('EXTRA'))).toEqual([]);
});

test('ID-08: in raw SQL a payer settles an own debt of a booking, and changes nothing else of any payment', async () => {
  const [customer, stranger] = [await g.withMoney(user('CUSTOMER'), '100.00'), user('CUSTOMER')];
  const owing = await paidBooking(customer, 80_00);
  await changed(owing, 50_00);
  const paid = await paidBooking(customer, 10_00);
  const unpaid = await g.heldBooking(customer, 5_00);
  await t.owner`update payments set status = 'FAILED' where subject_id = ${unpaid}`;
  const as = (person: Person, change: string, id: string) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${person.id}, true), set_config('waygraph.actor_roles', 'CUSTOMER', true)`;
      const rows = await sql.unsafe(`update payments set ${change} where subject_id = '${id}' returning 1`);
      throw Object.assign(new Error('undone'), { rows: rows.length });
    });
  const settled = `status = 'CAPTURED', debt_minor = 0`;
  await expect(as(customer, settled, owing)).rejects.toMatchObject({ rows: 1 });
  for (const change of [settled, `debt_minor = 0`, `payer_id = '${stranger.id}'`]) await expect(as(stranger, change, owing)).rejects.toMatchObject({ rows: 0 });
  // Of the own debt only the whole of it, and as CAPTURED; nothing of what is paid, or failed before anything was taken.
  for (const change of [`debt_minor = 1`, `status = 'CAPTURED'`, `status = 'REFUNDED', debt_minor = 0`, `payer_id = '${stranger.id}'`]) {
    await expect(as(customer, change, owing)).rejects.toMatchObject({ code: '42501' });
  }
  for (const id of [paid, unpaid]) await expect(as(customer, settled, id)).rejects.toMatchObject({ rows: 0 });
  await expect(t.owner`update payments set debt_minor = -1 where subject_id = ${owing}`).rejects.toMatchObject({ constraint_name: 'payments_debt' });
  await t.owner`update payments set status = 'AUTHORISED' where subject_id = ${unpaid}`;
  await g.booking('booking.expired', unpaid);
});

test('PF-02: a change that is delivered three times is charged once', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await paidBooking(customer, 10_00);
  const { redisUrl, log } = t.environment;
  const queue = openQueue<EventEnvelope>(eventQueueName('payments-ledger'), redisUrl, log);
  const envelope: EventEnvelope = {
    ...{ id: randomUUID(), emitter: 'booking', consumer: 'payments-ledger', type: 'booking.changed', version: 1, aggregateType: 'booking', aggregateId: id },
    ...{ sequence: 3, previousSequence: 2, occurredAt: new Date().toISOString() },
    payload: { bookingId: id, deltaMinor: '2500', currency: 'EGP' },
    metadata: { traceId: '0'.repeat(32), causationId: randomUUID(), actor: 'test' },
  };
  for (let time = 0; time < 3; time++) await queue.send(envelope.type, envelope, { id: randomUUID() });
  await becomes(id, ['CAPTURED', '35.00', '35.00', '0.00']);
  await eventually(async () => (await queue.depth()) === 0, 'all of them to be taken');
  await queue.close();
  expect([await money(id), await balance(customer)]).toEqual([['CAPTURED', '35.00', '35.00', '0.00'], '65.00']);
});

test('PF-02b: the books are balanced after all of this, and each booking brings in what it costs', async () => {
  await t.owner`update payables set since = since - interval '1 hour'`;
  const { data } = await t.run<{ _entities: { paymentsViolations: unknown[] }[] }>(
    user('ADMIN'),
    'query { _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { paymentsViolations { kind reference } } } }',
  );
  expect(data._entities[0]?.paymentsViolations).toEqual([]);
  const off = await t.owner`select 1 from payments p where p.method <> 'CASH' and p.captured_minor - p.refunded_minor + p.debt_minor <> (
    select coalesce(sum(e.amount_minor), 0) from entries e join accounts a on a.id = e.account_id and a.type = 'PLATFORM_REVENUE'
    join transactions x on x.id = e.transaction_id where x.reference_id = p.subject_id)`;
  expect(off).toHaveLength(0);
});
