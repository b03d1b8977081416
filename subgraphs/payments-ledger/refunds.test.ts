import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { brokenInvariants } from './invariants.js';
import { startPaymentsLedger } from './main.js';
import { given, type PaymentAnswer, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
let desk: ReturnType<typeof openDesk>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
  desk = openDesk(t.environment, TEST_SECRET);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

const admin = user('ADMIN');
const REFUND = 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { id status captured { amount } refunded { amount } } }';
const refund = (paymentId: string, amount: string | null, more: { by?: Person; key?: string; currency?: string; reason?: string } = {}) =>
  t.run<{ refundPayment: PaymentAnswer }>(more.by ?? admin, REFUND, {
    i: {
      paymentId,
      amount: amount && { amount, currency: more.currency ?? 'EGP' },
      reason: more.reason ?? 'The seat was wet',
      idempotencyKey: more.key ?? randomUUID(),
    },
  });
const paymentId = async (type: 'Booking' | 'Trip', id: string) => (await g.payment(admin, type, id))?.id ?? '';
/** What is no amount at all is refused by the scalar, before our rules; the gateway calls both VALIDATION_ERROR. */
const BAD = ['VALIDATION_ERROR', 'BAD_USER_INPUT'];
const balance = async (person: Person) => (await g.wallet(person, person.id))?.balance.amount;
/** As if all of it were old enough to be judged. */
const violations = async () => {
  await t.owner`update payables set since = since - interval '10 minutes'`;
  return desk.run((tx) => brokenInvariants(tx, true));
};

test('PL-11: an admin gives back a part of a trip, then the rest; never more than was taken; the driver keeps the earnings', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const id = await paymentId('Trip', await g.completedTrip(rider, driver, 80_00));
  const key = randomUUID();
  for (let n = 0; n < 2; n += 1) {
    expect((await refund(id, '30.00', { key })).data.refundPayment).toMatchObject({ status: 'CAPTURED', refunded: { amount: '30.00' } });
  }
  expect(await balance(rider)).toBe('50.00');
  const above = await refund(id, '50.01');
  expect(above.codes).toEqual(['ABOVE_CAPTURED']);
  expect(above.errors[0]?.extensions.details).toMatchObject({ leftMinor: '5000' });
  const races = await Promise.all(Array.from({ length: 6 }, () => refund(id, '50.00')));
  expect(tally(races.map(({ codes }) => codes[0] ?? 'OK'))).toEqual({ OK: 1, ABOVE_CAPTURED: 5 });
  expect(await balance(rider)).toBe('100.00');
  expect(await balance(driver)).toBe('68.00');
  const expense = await t.owner`select sum(balance_minor)::int as minor from accounts where type = 'REFUND_EXPENSE'`;
  expect(expense[0]?.minor).toBe(-80_00);
  expect((await t.emitted<{ paymentId: string; amountMinor: string }>('payment.refunded')).map((event) => event.amountMinor).sort()).toEqual(['3000', '5000']);
  expect(await violations()).toEqual([]);
});

test('PL-11: a card trip is given back by its order, once the gateway has answered; a cash trip into the wallet', async () => {
  const rider = user('CUSTOMER');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const trip = await g.completedTrip(rider, driver, 60_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.status === 'CAPTURED', 'the capture');
  expect((await refund(await paymentId('Trip', trip), null)).codes).toEqual([]);
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.status === 'REFUNDED', 'the refund');
  const [charge] = await t.owner`select captured_minor::int as captured, refunded_minor::int as refunded from sandbox_charges where amount_minor = 6000`;
  expect(charge).toEqual({ captured: 60_00, refunded: 60_00 });
  const cash = await g.completedTrip(rider, driver, 10_00, { paymentMethod: 'CASH' });
  await refund(await paymentId('Trip', cash), '4.00');
  expect(await balance(rider)).toBe('4.00');
  expect(await violations()).toEqual([]);
});

test('PL-11: a trip that two orders of a card paid is given back on both, each what it took, the newer one first', async () => {
  const rider = user('CUSTOMER');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_ok' };
  const trip = await g.requestedTrip(rider, 50_00, card);
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.status === 'AUTHORISED', 'the authorisation');
  await g.completeTrip(trip, rider, driver, 70_00, card);
  const id = await paymentId('Trip', trip);
  await eventually(async () => (await g.payment(rider, 'Trip', trip))?.captured.amount === '70.00', 'both orders to be captured');
  const back = async () =>
    (await t.owner`select refunded_minor::int as minor from sandbox_charges where order_id = ${id} or order_id like ${`${id}-%`} order by order_id`).map(
      (row) => row.minor,
    );
  for (const [amount, there] of [
    ['5.00', [0, 5_00]],
    ['25.00', [10_00, 20_00]],
    [null, [50_00, 20_00]],
  ] as const) {
    expect((await refund(id, amount)).codes).toEqual([]);
    await eventually(async () => String(await back()) === String(there), 'what the card was given back');
    await eventually(async () => (await t.owner`select 1 from gateway_calls where status = 'OPEN'`).length === 0, 'both answers');
  }
  expect(await g.payment(rider, 'Trip', trip)).toMatchObject({ status: 'REFUNDED', refunded: { amount: '70.00' } });
  // Nothing of it came into a wallet, and the driver keeps what was earned.
  const [wallets] = await t.owner`select count(*)::int as n from entries e join transactions x on x.id = e.transaction_id join accounts a on a.id = e.account_id
    where x.reference_id = ${trip} and x.kind = 'REFUND' and a.type like '%_WALLET'`;
  expect(wallets?.n).toBe(0);
  expect(await balance(driver)).toBe('59.50');
  expect(await violations()).toEqual([]);
});

test('PL-11: a booking that is partly given back costs less from then on: what is charged or refunded later counts from there', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '200.00');
  const booking = await g.heldBooking(customer, 100_00);
  const id = await paymentId('Booking', booking);
  expect((await refund(id, '1.00')).codes).toEqual(['PAYMENT_STATE']);
  await g.booking('booking.confirmed', booking, { totalMinor: '10000' });
  expect((await refund(id, '25.00')).data.refundPayment).toMatchObject({ status: 'CAPTURED', refunded: { amount: '25.00' } });
  expect(await balance(customer)).toBe('125.00');
  await g.booking('booking.changed', booking, { deltaMinor: '1000', currency: 'EGP' });
  expect(await balance(customer)).toBe('115.00');
  expect(await violations()).toEqual([]);
  await g.booking('booking.cancelled', booking, { feeMinor: '2000' });
  expect(await balance(customer)).toBe('180.00');
  // Of the fee as well.
  await refund(id, null);
  expect(await balance(customer)).toBe('200.00');
  expect(await violations()).toEqual([]);
});

test('PL-08b: what belongs to a payment or a withdrawal is not reverted on the books alone, and the refusal says what to do', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const trip = await g.completedTrip(rider, driver, 80_00);
  const [posted] = await t.owner`select id from transactions where reference_id = ${trip} and kind = 'TRIP_SETTLEMENT'`;
  const revert = 'mutation($i: RevertTransactionInput!) { revertTransaction(input: $i) { dryRun } }';
  for (const dryRun of [true, false]) {
    const answer = await t.run(admin, revert, {
      i: { transactionId: publicId('txn', posted?.id), reason: 'a try', dryRun, idempotencyKey: randomUUID() },
    });
    expect(answer.codes).toEqual(['CANNOT_REVERT']);
    expect(answer.errors[0]?.message).toContain('refundPayment');
  }
  expect(await balance(driver)).toBe('68.00');
});

test('PL-11: bad refunds: by others, of nothing, in another currency, with more digits than it has, without a reason', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const id = await paymentId('Trip', await g.completedTrip(rider, driver, 80_00));
  for (const by of [rider, driver, user('SUPPORT')]) expect((await refund(id, '1.00', { by })).codes).toEqual(['FORBIDDEN']);
  for (const amount of ['0', '-1', '0.001', '1e3', '99999999999999999999']) expect(BAD).toContain((await refund(id, amount)).codes[0]);
  expect((await refund(id, '1.00', { currency: 'USD' })).codes).toEqual(['VALIDATION_ERROR']);
  expect(BAD).toContain((await refund(id, '1.00', { currency: 'XXX' })).codes[0]);
  expect((await refund(id, '1.00', { reason: ' ' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await refund('pay_nonsense', '1.00')).codes).toEqual(['NOT_FOUND']);
  expect(await balance(rider)).toBe('20.00');
});
