import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startPaymentsLedger } from './main.js';
import { given, servedBy } from './payments.given.js';
import { compareSettlement } from './reconciliation.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
  // Mid-day in Cairo: what a test makes two minutes older stays on its day.
  const noon = new Date();
  noon.setUTCHours(10, 0, 0, 0);
  t.setClock(noon);
});
afterAll(() => t[Symbol.asyncDispose]());

interface Result {
  runReconciliation: { id: string; ok: boolean; date: string; discrepancies: { kind: string; expected: string; actual: string; reference: string }[] };
}
const RUN = 'mutation($date: Date) { runReconciliation(date: $date) { id ok date createdAt discrepancies { kind expected actual reference } } }';
const reconcile = async (date: string | null = null) => (await t.run<Result>(admin, RUN, { date })).data.runReconciliation;
const kinds = async () => (await reconcile()).discrepancies.map((found) => `${found.kind} ${found.reference}`);
const violations = async () => {
  const { data } = await t.run<{ _entities: ({ paymentsViolations: { kind: string; reference: string }[] } | null)[] }>(
    admin,
    `query { _entities(representations: [{ __typename: "SystemHealth", id: "system" }]) {
      ... on SystemHealth { paymentsViolations { kind reference since } } } }`,
  );
  return data._entities[0]?.paymentsViolations.map((found) => `${found.kind} ${found.reference}`);
};
/** Rows are made by commands; a test makes them old, or wrong. */
const tamper = (statement: string) =>
  t.owner.begin(async (sql) => {
    for (const table of ['accounts', 'entries', 'transactions']) await sql.unsafe(`alter table ${table} disable trigger user`);
    await sql.unsafe(statement);
    for (const table of ['accounts', 'entries', 'transactions']) await sql.unsafe(`alter table ${table} enable trigger user`);
  });

const makeYoung = () => t.owner`update deposits set settled_at = ${t.environment.clock()} where status = 'COMPLETED'`;

test('PL-20: clean books are ok, whatever is still in flight', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), null);
  const deposit = await g.initiate(customer, '100.00');
  await fetch(deposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
  await eventually(async () => (await g.wallet(customer, customer.id))?.balance.amount === '100.00', 'the deposit');
  await g.heldBooking(customer, 50_00);
  await t.owner`update deposits set settled_at = settled_at - interval '2 minutes'`;
  await t.owner`update sandbox_orders set decided_at = decided_at - interval '2 minutes'`;
  const result = await reconcile();
  expect(result).toMatchObject({ ok: true, discrepancies: [] });
  expect(result.id).toMatch(/^rec_/);
  expect(await t.emitted('reconciliation.discrepancy')).toEqual([]);
  expect(await violations()).toEqual([]);
});

test('PL-20: what the gateway was paid and we did not credit, and the other way round', () => {
  const day = { from: new Date('2027-03-01T00:00:00Z'), to: new Date('2027-03-02T00:00:00Z') };
  const at = (time: string) => new Date(`2027-03-01T${time}Z`);
  const egp = (amountMinor: bigint) => ({ amountMinor, currency: 'EGP' });
  const settled = [
    { orderId: 'good', amount: egp(100n), paidAt: at('10:00:00') },
    { orderId: 'lost', amount: egp(200n), paidAt: at('10:00:00') },
    { orderId: 'flagged', amount: egp(300n), paidAt: at('10:00:00') },
    { orderId: 'less', amount: egp(400n), paidAt: at('10:00:00') },
    { orderId: 'young', amount: egp(500n), paidAt: at('11:59:30') },
    { orderId: 'yesterday', amount: egp(600n), paidAt: new Date('2027-02-28T23:59:59Z') },
  ];
  const ours = (orderId: string, status: string, minor: bigint, settledAt: Date | null) => ({ orderId, status, amount: egp(minor), settledAt });
  const deposits = [
    ours('good', 'COMPLETED', 100n, at('10:00:01')),
    ours('flagged', 'FLAGGED', 30n, at('10:00:01')),
    ours('less', 'COMPLETED', 40n, at('10:00:01')),
    ours('invented', 'COMPLETED', 700n, at('10:00:01')),
    ours('yesterday', 'COMPLETED', 600n, at('00:00:01')),
  ];
  expect(compareSettlement(settled, deposits, day, at('11:59:00')).map((found) => `${found.kind} ${found.reference}`)).toEqual([
    'DEPOSIT_NOT_CREDITED lost',
    'DEPOSIT_NOT_CREDITED flagged',
    'DEPOSIT_AMOUNT less',
    'DEPOSIT_NOT_SETTLED invented',
  ]);
});

test('PL-20: a deposit that was credited without the gateway is found, told, and kept', async () => {
  const deposit = await g.initiate(user('CUSTOMER'), '60.00');
  await g.webhook(g.paid(deposit));
  expect(await kinds()).toEqual([]);
  await t.owner`update deposits set settled_at = settled_at - interval '2 minutes' where status = 'COMPLETED'`;
  const result = await reconcile();
  expect(result.discrepancies).toEqual([{ kind: 'DEPOSIT_NOT_SETTLED', expected: 'paid at the gateway', actual: '60.00 EGP', reference: deposit.id }]);
  expect(await t.emitted('reconciliation.discrepancy')).toHaveLength(1);
  expect((await t.owner`select count(*)::int as n from reconciliations where not ok`)[0]?.n).toBe(1);
  await makeYoung();
});

test('PL-07, PL-20: a changed entry, a changed balance and a changed transaction are found', async () => {
  const customer = await g.withMoney(user('CUSTOMER'), null);
  await g.heldBooking(await g.withMoney(customer, null), 1);
  const [driver, rider] = [await g.withMoney(user('DRIVER'), null, 'driver'), user('CUSTOMER')];
  await g.completedTrip(rider, driver, 100_00, { paymentMethod: 'CASH' });
  expect(await kinds()).toEqual([]);
  const [account] = await t.owner`select id from accounts where owner_id = ${driver.id} and type = 'DRIVER_WALLET'`;
  await tamper(`update transactions set metadata = '{"cashMinor":"1"}' where kind = 'TRIP_SETTLEMENT'`);
  const changed = (await reconcile()).discrepancies;
  expect(changed.map((found) => found.kind)).toContain('CHAIN_BROKEN');
  expect(changed.find((found) => found.kind === 'CHAIN_BROKEN')?.actual).toBe('was changed after it was written');
  const [payment] = await t.owner`select id from payments where payee_id = ${driver.id}`;
  await tamper(`update transactions set metadata = '{"cashMinor":"10000","paymentId":"${payment?.id}"}' where kind = 'TRIP_SETTLEMENT'`);
  expect(await kinds()).toEqual([]);
  await expect(t.owner`update accounts set balance_minor = balance_minor + 1 where id = ${account?.id}`).rejects.toMatchObject({
    constraint_name: 'accounts_follow_entries',
  });
  await tamper(`update accounts set balance_minor = balance_minor + 1 where id = '${account?.id}'`);
  expect((await reconcile()).discrepancies.map((found) => found.kind)).toEqual(['LEDGER_UNBALANCED', 'BALANCE_MISMATCH']);
  expect(await violations()).toEqual([expect.stringContaining('LEDGER_UNBALANCED'), expect.stringContaining('BALANCE_MISMATCH wal_')]);
  await tamper(`update accounts set balance_minor = balance_minor - 1 where id = '${account?.id}'`);
});

test('PF-02b: a completed trip without a settlement, a cancelled booking with money, an overdue hold: after a minute', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '500.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const paid = await g.completedTrip(rider, driver, 10_00);
  const booking = await g.heldBooking(rider, 20_00);
  const overdue = await g.heldBooking(rider, 30_00);
  await t.owner`update payments set status = 'PENDING', captured_minor = 0 where subject_id = ${paid}`;
  await t.owner`update payables set state = 'CANCELLED', owed_minor = 0 where subject_id = ${booking}`;
  await t.owner`update holds set expires_at = '2026-01-01' where reference_id = ${overdue}`;
  await makeYoung();
  expect((await kinds()).map((kind) => kind.split(' ')[0])).toEqual(['HOLD_OVERDUE']);
  await t.owner`update payables set since = since - interval '2 minutes'`;
  const found = await violations();
  expect(found?.map((violation) => violation.split(' ')[0])).toEqual(['TRIP_NOT_SETTLED', 'CANCELLED_WITH_MONEY', 'HOLD_OVERDUE']);
  await g.booking('booking.cancelled', booking, { feeMinor: '0' });
  expect((await violations())?.map((violation) => violation.split(' ')[0])).not.toContain('CANCELLED_WITH_MONEY');
  await t.owner`update payments set status = 'CAPTURED', captured_minor = 1000 where subject_id = ${paid}`;
  await g.booking('booking.expired', overdue);
  expect(await violations()).toEqual([]);
});

test('PF-02b: the books of a trip are checked by amount, whether it was paid from a wallet, in cash or not at all; debts to the piastre', async () => {
  const rider = await g.withMoney(user('CUSTOMER'), '10.00');
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const trips = {
    WALLET: await g.completedTrip(rider, driver, 10_00),
    CASH: await g.completedTrip(rider, driver, 20_00, { paymentMethod: 'CASH', vehicleType: 'XL' }),
    FAILED: await g.completedTrip(rider, driver, 30_00),
  };
  await t.owner`update payables set since = since - interval '2 minutes'`;
  await makeYoung();
  expect(await violations()).toEqual([]);
  const kindsOf = async () => (await violations())?.map((violation) => violation.split(' ')[0]);
  // The payment and what the trip cost agree, and the books say another amount.
  const shift = (id: string, by: number) =>
    t.owner.begin(async (sql) => {
      await sql`update payables set owed_minor = owed_minor + ${by} where subject_id = ${id}`;
      await sql`update payments set captured_minor = captured_minor + case status when 'CAPTURED' then ${by}::int else 0 end,
      debt_minor = debt_minor + case status when 'FAILED' then ${by}::int else 0 end where subject_id = ${id}`;
    });
  for (const [method, id] of Object.entries(trips)) {
    await shift(id, 1);
    const expected = method === 'FAILED' ? ['SETTLEMENT_AMOUNT', 'RECEIVABLE_MISMATCH'] : ['SETTLEMENT_AMOUNT'];
    expect({ method, found: await kindsOf() }).toEqual({ method, found: expected });
    await shift(id, -1);
  }
  // A class with another commission, and a settlement that is not there.
  await t.owner`update payments set vehicle_type = 'PREMIUM' where subject_id = ${trips.WALLET}`;
  expect(await kindsOf()).toEqual(['SETTLEMENT_AMOUNT']);
  await t.owner`update payments set vehicle_type = 'ECONOMY' where subject_id = ${trips.WALLET}`;
  await tamper(`update transactions set reference_id = '${randomUUID()}' where reference_id = '${trips.FAILED}' and kind = 'TRIP_SETTLEMENT'`);
  expect(await kindsOf()).toEqual(['SETTLEMENT_AMOUNT']);
});

test('runReconciliation: days that have not begun are refused, others are not; for admins', async () => {
  expect((await reconcile('2020-02-29')).date).toBe('2020-02-29');
  expect((await t.run(admin, RUN, { date: '2999-01-01' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await t.run(admin, RUN, { date: '2020-02-30' })).codes).toEqual(['BAD_USER_INPUT']);
  for (const other of [user('CUSTOMER'), user('DRIVER'), user('SUPPORT')]) expect((await t.run(other, RUN)).codes).toEqual(['FORBIDDEN']);
});

test('PL-20: reconciliation runs by itself every night', async () => {
  const [timer] = await t.owner`select id, due_at from timers where kind = 'reconciliation.daily'`;
  const now = () => t.environment.clock().getTime();
  expect(new Date(timer?.due_at).getTime()).toBeGreaterThan(now());
  await t.owner`update timers set due_at = '2026-01-01' where id = ${timer?.id}`;
  const before = (await t.owner`select count(*)::int as n from reconciliations`)[0]?.n;
  await eventually(async () => (await t.owner`select count(*)::int as n from reconciliations`)[0]?.n === before + 1, 'the nightly run');
  const next = await eventually(async () => {
    const [row] = await t.owner`select due_at from timers where kind = 'reconciliation.daily'`;
    return row && new Date(row.due_at).getTime() > now() + 11 * 60_000 && row;
  }, 'the next night');
  expect(next).toBeTruthy();
});

test('a booking that never had a payment can be cancelled', async () => {
  const bookingId = randomUUID();
  await expect(g.booking('booking.cancelled', bookingId, { feeMinor: '0' })).resolves.toBeUndefined();
});
