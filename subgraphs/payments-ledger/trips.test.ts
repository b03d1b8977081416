import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { publicId } from '../../platform/ids.js';
import { startPaymentsLedger } from './main.js';
import { shareFare } from './payment.js';
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

const paymentOf = (tripId: string) => g.payment(system, 'Trip', tripId);
const balance = async (person: Person) => (await g.wallet(person, person.id))?.balance.amount;
const debtOf = async (person: Person) =>
  (await t.owner`select coalesce(-sum(balance_minor), 0)::int as owed from accounts where type = 'RECEIVABLE' and owner_id = ${person.id}`)[0]?.owed;
const told = async (tripId: string) =>
  (
    await t.owner`select type from events where aggregate_type = 'payment' and payload ->> 'subjectId' = ${tripId}
    and type not in ('payment.initiated', 'payment.completed') order by position`
  ).map((row) => row.type);
/** The orders of a trip's payment at the card company, in the order in which they were made. */
const atCard = async (tripId: string) => {
  const id = (await paymentOf(tripId))?.id ?? '';
  const rows = await t.owner`select amount_minor::int as amount, captured_minor::int as captured, status from sandbox_charges
    where order_id = ${id} or order_id like ${`${id}-%`} order by order_id`;
  return [...rows];
};
const newDriver = () => g.withMoney(user('DRIVER'), null, 'driver');

test.each([
  ['ECONOMY', 15],
  ['COMFORT', 18],
  ['PREMIUM', 20],
  ['XL', 17],
] as const)('PL-12: a wallet trip in %s leaves the driver the fare less %i percent', async (vehicleType, percent) => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await newDriver();
  const tripId = await g.completedTrip(rider, driver, 100_00, { vehicleType });
  expect(await balance(rider)).toBe('0.00');
  expect(await balance(driver)).toBe(`${100 - percent}.00`);
  expect(await paymentOf(tripId)).toMatchObject({ status: 'CAPTURED', captured: { amount: '100.00' } });
  expect(await told(tripId)).toEqual(['payment.authorised', 'payment.captured']);
});

test('PL-03, PL-12: commission is rounded half up and the shares add up, for any fare', () => {
  expect(shareFare(1_10n, 'ECONOMY')).toEqual({ commissionMinor: 17n, driverMinor: 93n });
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.constantFrom('ECONOMY', 'COMFORT', 'PREMIUM', 'XL'), (fare, type) => {
      const { commissionMinor, driverMinor } = shareFare(fare, type);
      expect(commissionMinor + driverMinor).toBe(fare);
      expect(commissionMinor).toBeGreaterThanOrEqual(0n);
    }),
  );
});

test('PL-12: a fare below what was held gives the rest back; above it takes the rest from the wallet', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await newDriver();
  const less = await g.requestedTrip(rider, 40_00);
  await g.completeTrip(less, rider, driver, 30_00);
  expect(await balance(rider)).toBe('70.00');
  const more = await g.requestedTrip(rider, 40_00);
  await g.completeTrip(more, rider, driver, 70_00);
  expect(await g.wallet(rider, rider.id)).toMatchObject({ balance: { amount: '0.00' }, available: { amount: '0.00' } });
});

test('PL-12: a trip whose rider cannot pay is FAILED, the driver is paid, and the rider owes', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '30.00');
  const driver = await newDriver();
  const raised = await g.requestedTrip(rider, 30_00);
  await g.completeTrip(raised, rider, driver, 50_00);
  expect(await paymentOf(raised)).toMatchObject({ status: 'FAILED', failureCode: 'INSUFFICIENT_FUNDS', captured: { amount: '0.00' } });
  expect(await balance(driver)).toBe('42.50');
  expect(await g.wallet(rider, rider.id)).toMatchObject({ balance: { amount: '30.00' }, available: { amount: '30.00' } });
  expect(await debtOf(rider)).toBe(50_00);
  expect(await told(raised)).toEqual(['payment.authorised', 'payment.failed']);
  // Declined at the request, and driven all the same.
  const declined = await g.completedTrip(rider, driver, 31_00);
  expect(await told(declined)).toEqual(['payment.declined', 'payment.failed']);
  expect(await debtOf(rider)).toBe(81_00);
});

test('PL-12: a cash trip takes only the commission, out of the driver wallet down to its limit, then as a debt', async () => {
  const rider = user('CUSTOMER');
  const driver = await newDriver();
  const cash = { paymentMethod: 'CASH', vehicleType: 'PREMIUM' };
  const tripId = await g.completedTrip(rider, driver, 2000_00, cash);
  expect(await balance(driver)).toBe('-400.00');
  expect(await paymentOf(tripId)).toMatchObject({ status: 'CAPTURED', method: 'CASH' });
  await g.completedTrip(rider, driver, 500_00, cash);
  expect(await balance(driver)).toBe('-500.00');
  await g.completedTrip(rider, driver, 10_00, cash);
  expect(await balance(driver)).toBe('-500.00');
  expect(await debtOf(driver)).toBe(2_00);
  const owed = async () => {
    const query = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on User { wallet { commissionOwed { amount } } } } }';
    const { data } = await t.run<{ _entities: { wallet: { commissionOwed: { amount: string } } }[] }>(driver, query, {
      r: [{ __typename: 'User', id: publicId('usr', driver.id) }],
    });
    return data._entities[0]?.wallet.commissionOwed.amount;
  };
  expect(await owed()).toBe('2.00');
  // What is earned next pays it, as soon as the wallet is above zero, and no more than is owed; ten trips at once take it once.
  const payer = await g.withMoney(user('CUSTOMER'), '5000.00');
  await g.completedTrip(payer, driver, 588_24);
  expect([await balance(driver), await owed()]).toEqual(['0.00', '2.00']);
  await g.completedTrip(payer, driver, 1_00);
  await eventually(async () => (await owed()) === '1.15', 'a part to be paid');
  expect(await balance(driver)).toBe('0.00');
  await Promise.all(Array.from({ length: 10 }, () => g.completedTrip(payer, driver, 10_00)));
  await eventually(async () => (await owed()) === '0.00', 'the rest to be paid');
  expect(await balance(driver)).toBe('83.85');
  expect(await debtOf(driver)).toBe(0);
});

test('PL-12: a card trip is captured through the clearing account; a declined card leaves a debt', async () => {
  const rider = user('CUSTOMER');
  const driver = await newDriver();
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_ok' };
  const tripId = await g.completedTrip(rider, driver, 100_00, card);
  await eventually(async () => (await paymentOf(tripId))?.status === 'CAPTURED', 'the capture');
  expect(await balance(driver)).toBe('85.00');
  const clearing = await t.owner`select e.amount_minor::int as minor from entries e join accounts a on a.id = e.account_id
    join transactions x on x.id = e.transaction_id where x.reference_id = ${tripId} and a.type = 'GATEWAY_CLEARING'`;
  expect(clearing.map((row) => row.minor)).toEqual([-100_00]);
  const unpaid = await g.completedTrip(rider, driver, 100_00, { ...card, paymentToken: 'tok_declined' });
  await eventually(async () => (await paymentOf(unpaid))?.status === 'FAILED', 'the failure');
  expect(await balance(driver)).toBe('170.00');
  expect(await debtOf(rider)).toBe(100_00);
  const raised = await g.requestedTrip(rider, 50_00, card);
  await eventually(async () => (await paymentOf(raised))?.status === 'AUTHORISED', 'the authorisation');
  await g.completeTrip(raised, rider, driver, 60_00, card);
  // What was promised is taken, and the rest by an order of its own: the driver has it all at once, in one settlement.
  await eventually(async () => (await paymentOf(raised))?.captured.amount === '60.00', 'more than authorised to be captured');
  expect(await paymentOf(raised)).toMatchObject({ status: 'CAPTURED' });
  expect(await debtOf(rider)).toBe(100_00);
  expect(await balance(driver)).toBe('221.00');
  expect(await atCard(raised)).toEqual([
    { amount: 50_00, captured: 50_00, status: 'CAPTURED' },
    { amount: 10_00, captured: 10_00, status: 'CAPTURED' },
  ]);
  expect(await told(raised)).toEqual(['payment.authorised', 'payment.captured', 'payment.captured']);
  // The card gives no more than it promised: the rider owes the rest, and no more than that.
  const once = { ...card, paymentToken: 'tok_once' };
  const half = await g.requestedTrip(rider, 50_00, once);
  await eventually(async () => (await paymentOf(half))?.status === 'AUTHORISED', 'the authorisation');
  await g.completeTrip(half, rider, driver, 70_00, once);
  await eventually(async () => (await paymentOf(half))?.status === 'FAILED', 'the rest to be declined');
  expect(await paymentOf(half)).toMatchObject({ failureCode: 'CARD_DECLINED', captured: { amount: '50.00' }, amount: { amount: '70.00' } });
  expect(await debtOf(rider)).toBe(120_00);
  expect(await balance(driver)).toBe('280.50');
  expect((await atCard(half)).map(({ status }) => status)).toEqual(['CAPTURED', 'DECLINED']);
  expect(await told(half)).toEqual(['payment.authorised', 'payment.captured', 'payment.failed']);
  const failed = (await t.emitted<{ subjectId: string; amountMinor: string }>('payment.failed')).find((event) => event.subjectId === half);
  expect(failed?.amountMinor).toBe('2000');
  // Less than was promised is all that is taken; nothing stands on the card afterwards.
  const less = await g.requestedTrip(rider, 50_00, card);
  await eventually(async () => (await paymentOf(less))?.status === 'AUTHORISED', 'the authorisation');
  await g.completeTrip(less, rider, driver, 45_00, card);
  await eventually(async () => (await paymentOf(less))?.captured.amount === '45.00', 'less to be captured');
  expect((await t.owner`select 1 from sandbox_charges where status = 'AUTHORISED'`).length).toBe(0);
});

test('PL-12: what is left owed of a trip is paid out of the wallet, once; what the card gave can be given back, and what is owed stays owed', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '30.00');
  const driver = await newDriver();
  const card = { paymentMethod: 'CARD', paymentToken: 'tok_once' };
  const tripId = await g.requestedTrip(rider, 50_00, card);
  await eventually(async () => (await paymentOf(tripId))?.status === 'AUTHORISED', 'the authorisation');
  await g.completeTrip(tripId, rider, driver, 70_00, card);
  await eventually(async () => (await paymentOf(tripId))?.status === 'FAILED', 'the rest to be declined');
  const id = (await paymentOf(tripId))?.id;
  const back = 'mutation($i: RefundPaymentInput!) { refundPayment(input: $i) { status } }';
  const input = { paymentId: id, amount: { amount: '15.00', currency: 'EGP' }, reason: 'the seat was wet', idempotencyKey: randomUUID() };
  expect((await t.run(user('ADMIN'), back, { i: input })).codes).toEqual([]);
  await eventually(async () => (await paymentOf(tripId))?.refunded.amount === '15.00', 'a part to be back on the card');
  expect(await paymentOf(tripId)).toMatchObject({ status: 'FAILED' });
  expect(await debtOf(rider)).toBe(20_00);
  const [told] = (await t.emitted<{ subjectId: string; owedMinor: string }>('payment.refunded')).filter((event) => event.subjectId === tripId);
  expect(told).toMatchObject({ amountMinor: '1500', owedMinor: '2000' });
  const settle = () => t.run<{ settleDebt: { status: string } }>(rider, 'mutation($id: ID!) { settleDebt(paymentId: $id) { status owed { amount } } }', { id });
  const answers = await Promise.all([settle(), settle(), settle()]);
  expect(answers.map(({ data }) => data.settleDebt)).toEqual(Array(3).fill({ status: 'CAPTURED', owed: { amount: '0.00' } }));
  expect(await balance(rider)).toBe('10.00');
  expect(await debtOf(rider)).toBe(0);
  expect(await paymentOf(tripId)).toMatchObject({ captured: { amount: '70.00' } });
});

test('PL-08: a trip without drivers gives everything back; a late cancellation keeps the fee for the driver', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await newDriver();
  const nobody = await g.requestedTrip(rider, 80_00);
  await t.deliver('dispatch', 'trip.noDrivers', nobody, { tripId: nobody, riderId: rider.id });
  expect(await paymentOf(nobody)).toMatchObject({ status: 'VOIDED' });
  const late = await g.requestedTrip(rider, 80_00);
  await t.deliver('dispatch', 'trip.accepted', late, { tripId: late, riderId: rider.id, driverId: randomUUID(), driverUserId: driver.id });
  await t.deliver('dispatch', 'trip.cancelled', late, {
    tripId: late,
    riderId: rider.id,
    driverUserId: driver.id,
    by: 'RIDER',
    feeMinor: '1000',
    currency: 'EGP',
  });
  expect(await g.wallet(rider, rider.id)).toMatchObject({ balance: { amount: '90.00' }, available: { amount: '90.00' } });
  expect(await balance(driver)).toBe('8.50');
  expect(await paymentOf(late)).toMatchObject({ status: 'CAPTURED', amount: { amount: '80.00' }, captured: { amount: '10.00' } });
  // Cash: there is nothing on hold, the fee comes from the wallet.
  const cash = await g.requestedTrip(rider, 80_00, { paymentMethod: 'CASH' });
  await t.deliver('dispatch', 'trip.cancelled', cash, { tripId: cash, riderId: rider.id, driverUserId: null, by: 'RIDER', feeMinor: '1000', currency: 'EGP' });
  expect(await balance(rider)).toBe('80.00');
  const card = await g.requestedTrip(rider, 80_00, { paymentMethod: 'CARD', paymentToken: 'tok_ok' });
  await eventually(async () => (await paymentOf(card))?.status === 'AUTHORISED', 'the authorisation');
  await t.deliver('dispatch', 'trip.cancelled', card, { tripId: card, riderId: rider.id, driverUserId: null, by: 'RIDER', feeMinor: '1000', currency: 'EGP' });
  await eventually(async () => (await paymentOf(card))?.captured.amount === '10.00', 'the fee to be captured');
});

test('PL-12: a trip that is told of twice is settled once', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await newDriver();
  const tripId = await g.completedTrip(rider, driver, 20_00);
  await g.completeTrip(tripId, rider, driver, 20_00);
  expect(await balance(driver)).toBe('17.00');
  expect((await t.owner`select 1 from transactions where reference_id = ${tripId} and kind = 'TRIP_SETTLEMENT'`).length).toBe(1);
});

test('PL-02: a customer who becomes a driver keeps the money, in the one wallet of a driver', async () => {
  const person = await g.withMoney(user('CUSTOMER', 'DRIVER'), '50.00');
  const before = await g.wallet(person, person.id);
  const held = await g.requestedTrip(person, 20_00);
  await g.withMoney(person, null, 'driver');
  const after = await g.wallet(person, person.id);
  expect(after).toMatchObject({ balance: { amount: '50.00' }, available: { amount: '30.00' } });
  expect(after?.id).not.toBe(before?.id);
  await t.deliver('dispatch', 'trip.noDrivers', held, { tripId: held, riderId: person.id });
  expect((await g.wallet(person, person.id))?.available.amount).toBe('50.00');
});

test('PL-03: the books are balanced after all of this', async () => {
  const sums = await t.owner`select currency, sum(amount_minor)::text as sum from entries group by currency`;
  expect(sums.map((row) => row.sum)).toEqual(['0']);
});
