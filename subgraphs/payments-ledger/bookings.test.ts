import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
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
const reaches = (bookingId: string, status: string) =>
  eventually(async () => {
    const payment = await paymentOf(bookingId);
    return payment?.status === status && payment;
  }, `the payment to be ${status}`);
const told = async (bookingId: string) =>
  (
    await t.owner`select type from events where aggregate_type = 'payment' and type not in ('payment.initiated', 'payment.completed') and payload ->> 'subjectId' = ${bookingId} order by position`
  ).map((row) => row.type);
const wallet = async (person: Person) => {
  const found = await g.wallet(person, person.id);
  return [found?.balance.amount, found?.available.amount];
};
const charge = async (bookingId: string) =>
  (
    await t.owner`select c.status, c.captured_minor::int as captured, c.refunded_minor::int as refunded from sandbox_charges c
    where c.order_id = ${(await paymentOf(bookingId))?.id ?? ''}`
  )[0];

test('PL-08: a booking held in the wallet is captured once confirmed', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '1000.00');
  const id = await g.heldBooking(customer, 300_00);
  expect(await wallet(customer)).toEqual(['1000.00', '700.00']);
  expect(await paymentOf(id)).toMatchObject({ status: 'AUTHORISED', method: 'WALLET', amount: { amount: '300.00' } });
  await g.booking('booking.confirmed', id, { totalMinor: '30000' });
  expect(await wallet(customer)).toEqual(['700.00', '700.00']);
  expect(await paymentOf(id)).toMatchObject({ status: 'CAPTURED', captured: { amount: '300.00' }, refunded: { amount: '0.00' } });
  expect(await told(id)).toEqual(['payment.authorised', 'payment.captured']);
});

test('BK-04: without money the payment is declined with its code, and nothing is held', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '10.00');
  const id = await g.heldBooking(customer, 10_01);
  expect(await paymentOf(id)).toMatchObject({ status: 'DECLINED', failureCode: 'INSUFFICIENT_FUNDS' });
  await g.booking('booking.cancelled', id, { feeMinor: '0' });
  expect(await wallet(customer)).toEqual(['10.00', '10.00']);
  expect(await told(id)).toEqual(['payment.declined']);
  const stranger = await g.heldBooking(user('CUSTOMER'), 1);
  expect(await paymentOf(stranger)).toMatchObject({ status: 'DECLINED' });
});

test('PL-08: a booking that expires or is released gives the hold back; repeating it changes nothing', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await g.heldBooking(customer, 100_00);
  expect(await wallet(customer)).toEqual(['100.00', '0.00']);
  await g.booking('booking.expired', id);
  await g.booking('booking.released', id);
  expect(await wallet(customer)).toEqual(['100.00', '100.00']);
  expect(await told(id)).toEqual(['payment.authorised', 'payment.voided']);
});

test('BK-06: a cancelled booking is refunded less its fee', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await g.heldBooking(customer, 80_00);
  await g.booking('booking.confirmed', id, { totalMinor: '8000' });
  await g.booking('booking.cancelled', id, { feeMinor: '1550' });
  expect(await wallet(customer)).toEqual(['84.50', '84.50']);
  expect(await paymentOf(id)).toMatchObject({ status: 'REFUNDED', captured: { amount: '80.00' }, refunded: { amount: '64.50' } });
  const free = await g.heldBooking(customer, 84_50);
  await g.booking('booking.confirmed', free, { totalMinor: '8450' });
  await g.booking('booking.cancelled', free, { feeMinor: '8450' });
  expect(await paymentOf(free)).toMatchObject({ status: 'CAPTURED', refunded: { amount: '0.00' } });
  expect(await wallet(customer)).toEqual(['0.00', '0.00']);
});

test('BK-06: a confirmation that is heard after the cancellation takes nothing', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await g.heldBooking(customer, 80_00);
  await g.booking('booking.cancelled', id, { feeMinor: '1550' });
  await g.booking('booking.confirmed', id, { totalMinor: '8000' });
  expect(await wallet(customer)).toEqual(['84.50', '84.50']);
  expect(await paymentOf(id)).toMatchObject({ status: 'CAPTURED', captured: { amount: '15.50' }, refunded: { amount: '0.00' } });
});

test('PL-11: a card is authorised, captured when confirmed, and refunded less the fee', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 500_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await reaches(id, 'AUTHORISED');
  await g.booking('booking.confirmed', id, { totalMinor: '50000' });
  await reaches(id, 'CAPTURED');
  expect(await charge(id)).toEqual({ status: 'CAPTURED', captured: 50000, refunded: 0 });
  await g.booking('booking.cancelled', id, { feeMinor: '5000' });
  await reaches(id, 'REFUNDED');
  expect(await charge(id)).toEqual({ status: 'CAPTURED', captured: 50000, refunded: 45000 });
  expect(await told(id)).toEqual(['payment.authorised', 'payment.captured', 'payment.refunded']);
});

test('PL-11: a declined card is declined with its code; any token but the good ones', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 500_00, { paymentMethod: 'CARD', paymentToken: 'tok_declined' });
  expect(await reaches(id, 'DECLINED')).toMatchObject({ failureCode: 'CARD_DECLINED' });
  expect(await t.emitted('payment.declined')).toContainEqual(expect.objectContaining({ subjectId: id, code: 'CARD_DECLINED', method: 'CARD' }));
});

test('PL-11: a gateway that does not answer: declined as timed out, and what it may have reserved is voided', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 500_00, { paymentMethod: 'CARD', paymentToken: 'tok_timeout' });
  expect(await reaches(id, 'DECLINED')).toMatchObject({ failureCode: 'PAYMENT_TIMEOUT' });
  await eventually(async () => (await charge(id))?.status === 'VOIDED', 'the reservation to be voided');
  expect(await told(id)).toEqual(['payment.declined']);
});

test('BK-04: an authorisation that comes after the cancellation is voided, and nobody is told that it was there', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 500_00, { paymentMethod: 'CARD', paymentToken: 'tok_timeout' });
  await g.booking('booking.expired', id);
  await reaches(id, 'VOIDED');
  await eventually(async () => {
    const found = await charge(id);
    return found === undefined || found.status === 'VOIDED';
  }, 'the reservation to be voided');
  expect(await told(id)).toEqual(['payment.voided']);
  const soon = await g.heldBooking(user('CUSTOMER'), 500_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await reaches(soon, 'AUTHORISED');
  await g.booking('booking.released', soon);
  await reaches(soon, 'VOIDED');
  expect((await charge(soon))?.status).toBe('VOIDED');
});

/** As if the answer to the first call had never been recorded. `timer`: and the lease of the process that died is over. */
async function forgetAnswer(bookingId: string, timer: boolean): Promise<string> {
  const [call] = await t.owner`select c.id from gateway_calls c join payments p on p.id = c.payment_id where p.subject_id = ${bookingId}`;
  const id = String(call?.id);
  await t.owner`update payments set status = 'PENDING' where subject_id = ${bookingId}`;
  await t.owner`update gateway_calls set status = 'OPEN', answered_at = null where id = ${id}`;
  if (timer) await leaseIsOver(id);
  return id;
}
const leaseIsOver = (callId: string) =>
  t.owner`insert into timers (id, kind, key, payload, due_at, metadata)
    values (gen_random_uuid(), 'gateway.call', ${callId}, '{}', now(), '{"traceId":"","causationId":""}')`;

test('BK-04: an authorisation whose answer comes after the cancellation is voided at the gateway', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 60_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await reaches(id, 'AUTHORISED');
  const callId = await forgetAnswer(id, false);
  await g.booking('booking.cancelled', id, { feeMinor: '0' });
  expect(await paymentOf(id)).toMatchObject({ status: 'PENDING' });
  await leaseIsOver(callId);
  await reaches(id, 'VOIDED');
  expect((await charge(id))?.status).toBe('VOIDED');
  expect((await told(id)).at(-1)).toBe('payment.voided');
});

test('EV-03: a process that died between the call and its answer asks again with the same key, and charges once', async () => {
  const id = await g.heldBooking(user('CUSTOMER'), 40_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await reaches(id, 'AUTHORISED');
  const callId = await forgetAnswer(id, true);
  await reaches(id, 'AUTHORISED');
  expect((await t.owner`select 1 from sandbox_answers where key = ${callId}`).length).toBe(1);
  await g.booking('booking.confirmed', id, { totalMinor: '4000' });
  await reaches(id, 'CAPTURED');
  expect(await charge(id)).toEqual({ status: 'CAPTURED', captured: 4000, refunded: 0 });
});

test('the books are balanced after all of this', async () => {
  const { data } = await t.run<{ _entities: { paymentsViolations: unknown[] }[] }>(
    user('ADMIN'),
    'query { _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { paymentsViolations { kind reference } } } }',
  );
  expect(data._entities[0]?.paymentsViolations).toEqual([]);
});
