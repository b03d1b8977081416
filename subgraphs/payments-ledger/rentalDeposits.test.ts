import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, type Person, servedBy } from './payments.given.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const payment = async (type: 'BOOKING' | 'RENTAL_DEPOSIT', id: string) =>
  (
    await t.owner`select status, captured_minor::int as captured, amount_minor::int as amount from payments where subject_type = ${type} and subject_id = ${id}`
  ).map(({ status, captured, amount }) => `${status} ${captured}/${amount}`)[0];
const both = async (id: string) => [await payment('BOOKING', id), await payment('RENTAL_DEPOSIT', id)];
const become = (id: string, expected: string[]) =>
  eventually(async () => JSON.stringify(await both(id)) === JSON.stringify(expected), `the payments to be ${expected.join(' and ')}`);
const money = async (person: Person) => {
  const wallet = await g.wallet(person, person.id);
  return [wallet?.balance.amount, wallet?.available.amount];
};
const debt = async (person: Person) =>
  (await t.owner`select balance_minor::int as minor from accounts where type = 'RECEIVABLE' and owner_id = ${person.id}`)[0]?.minor ?? 0;
const told = async (id: string) =>
  (
    await t.owner`select type, payload ->> 'amountMinor' as minor from events where aggregate_type = 'payment' and payload ->> 'subjectType' = 'RENTAL_DEPOSIT'
      and payload ->> 'subjectId' = ${id} and type not in ('payment.initiated', 'payment.completed') order by position`
  ).map(({ type, minor }) => `${type} ${minor}`);
async function paid(customer: Person, totalMinor: number, more: Record<string, unknown> = {}): Promise<string> {
  const id = await g.heldBooking(customer, totalMinor, more);
  if (more.paymentMethod === 'CARD') await eventually(async () => (await payment('BOOKING', id))?.startsWith('AUTHORISED'), 'the card to be authorised');
  await g.booking('booking.confirmed', id, { totalMinor: String(totalMinor) });
  await eventually(async () => (await payment('BOOKING', id))?.startsWith('CAPTURED'), 'the booking to be paid');
  return id;
}
const starts = (id: string, depositMinor: number) =>
  g.booking('booking.started', id, { depositMinor: String(depositMinor), depositUntil: new Date(t.environment.clock().getTime() + 86_400_000).toISOString() });
const returns = (id: string, chargesMinor: number) => g.booking('booking.returned', id, { chargesMinor: String(chargesMinor) });

test('BK-07: a deposit is held in the wallet while the car is out, and released whole after a good return', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '500.00');
  const id = await paid(customer, 100_00);
  await starts(id, 300_00);
  expect(await both(id)).toEqual(['CAPTURED 10000/10000', 'AUTHORISED 0/30000']);
  // Held, and not spent: it shows in the balance and cannot be used.
  expect(await money(customer)).toEqual(['400.00', '100.00']);
  await returns(id, 0);
  expect(await both(id)).toEqual(['CAPTURED 10000/10000', 'VOIDED 0/30000']);
  expect(await money(customer)).toEqual(['400.00', '400.00']);
  expect(await told(id)).toEqual(['payment.authorised 30000', 'payment.voided 30000']);
});

test('BK-07: damage comes out of the deposit, and what it does not reach for out of the wallet or is owed', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '500.00');
  const small = await paid(customer, 100_00);
  await starts(small, 300_00);
  await returns(small, 50_00);
  expect(await both(small)).toEqual(['CAPTURED 10000/10000', 'CAPTURED 5000/30000']);
  expect(await money(customer)).toEqual(['350.00', '350.00']);
  expect(await told(small)).toEqual(['payment.authorised 30000', 'payment.captured 5000']);
  const kinds = await t.owner`select kind from transactions where reference_type = 'RENTAL_DEPOSIT' and reference_id = ${small} order by recorded_at, id`;
  expect(kinds.map(({ kind }) => kind)).toEqual(['HOLD', 'BOOKING_PAYMENT']);
  const large = await paid(customer, 100_00);
  await starts(large, 200_00);
  await returns(large, 240_00);
  expect(await both(large)).toEqual(['CAPTURED 14000/14000', 'CAPTURED 20000/20000']);
  expect(await money(customer)).toEqual(['10.00', '10.00']);
  const other = await g.withMoney(user('CUSTOMER'), '300.00');
  const ruined = await paid(other, 100_00);
  await starts(ruined, 200_00);
  await returns(ruined, 900_00);
  expect(await both(ruined)).toEqual(['FAILED 10000/80000', 'CAPTURED 20000/20000']);
  expect([await money(other), await debt(other)]).toEqual([['0.00', '0.00'], -70000]);
});

test('BK-07: a deposit that the wallet does not have is refused and told; the charges are taken or owed without it', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), '150.00');
  const id = await paid(customer, 100_00);
  await starts(id, 300_00);
  expect(await payment('RENTAL_DEPOSIT', id)).toBe('DECLINED 0/30000');
  expect(await told(id)).toEqual(['payment.declined 30000']);
  expect(await money(customer)).toEqual(['50.00', '50.00']);
  await returns(id, 30_00);
  expect(await both(id)).toEqual(['CAPTURED 13000/13000', 'DECLINED 0/30000']);
  expect(await money(customer)).toEqual(['20.00', '20.00']);
});

test('BK-07: on a card the deposit is authorised, taken in part or voided by an order of its own', async () => {
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_ok' };
  const good = await paid(user('CUSTOMER'), 100_00, card);
  await starts(good, 300_00);
  await become(good, ['CAPTURED 10000/10000', 'AUTHORISED 0/30000']);
  await returns(good, 0);
  await become(good, ['CAPTURED 10000/10000', 'VOIDED 0/30000']);
  const dented = await paid(user('CUSTOMER'), 100_00, card);
  await starts(dented, 300_00);
  await become(dented, ['CAPTURED 10000/10000', 'AUTHORISED 0/30000']);
  await returns(dented, 340_00);
  await become(dented, ['CAPTURED 14000/14000', 'CAPTURED 30000/30000']);
  expect(await told(dented)).toEqual(['payment.authorised 30000', 'payment.captured 30000']);
});

test('BK-07: a card that takes its promise back is charged for the return as for everything else', async () => {
  const id = await paid(user('CUSTOMER'), 100_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await starts(id, 300_00);
  await become(id, ['CAPTURED 10000/10000', 'AUTHORISED 0/30000']);
  // The gateway has forgotten what it promised, as after its own time-out.
  const [deposit] = await t.owner`select id from payments where subject_type = 'RENTAL_DEPOSIT' and subject_id = ${id}`;
  await t.owner`update sandbox_charges set status = 'VOIDED' where order_id = ${publicId('pay', deposit?.id)}`;
  await returns(id, 120_00);
  await become(id, ['CAPTURED 22000/22000', 'FAILED 0/30000']);
});

test('PF-02b: the books are balanced after all of this', async () => {
  await t.owner`update payables set since = since - interval '1 hour'`;
  const { data } = await t.run<{ _entities: { paymentsViolations: unknown[] }[] }>(
    user('ADMIN'),
    'query { _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) { ... on SystemHealth { paymentsViolations { kind reference } } } }',
  );
  expect(data._entities[0]?.paymentsViolations).toEqual([]);
});
