import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { money } from '../../platform/money.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { balanceAt } from './balanceQueries.js';
import { gatewayAccount, openDesk, transfer, walletOf } from './desk.given.js';
import { captureHold, heldMinor, lockHold, placeHold, settleHold, voidHold } from './holdCommands.js';
import { accountIdOf, type AppliedPosting, type Posting, systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post, postBatch, preview } from './ledgerCommands.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { given, servedBy } from './payments.given.js';
import { chainOf } from './queries.js';
import { previewRevert, revertBatch } from './reversalCommands.js';

let t: TestSubgraph;
let desk: ReturnType<typeof openDesk>;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  desk = openDesk(t.environment, TEST_SECRET);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

const funded = async (amountMinor: bigint, more: Partial<Posting> = {}) => {
  const owner = randomUUID();
  const { transactionId } = await desk.fund(owner, amountMinor, randomUUID(), more);
  return { owner, transactionId };
};
const balance = async (owner: string, type = 'CUSTOMER_WALLET') =>
  BigInt((await t.owner`select balance_minor from accounts where owner_id = ${owner} and type = ${type}`)[0]?.balance_minor ?? 0);
const revert = (...ids: string[]) => desk.run((tx) => revertBatch(tx, ids, 'a test'));

test('PL-08b: a transaction is reverted once, whoever else tries at the same time', async () => {
  const { owner, transactionId } = await funded(100n);
  const outcomes = await Promise.all(Array.from({ length: 10 }, () => desk.codeOf(revert(transactionId))));
  expect(tally(outcomes)).toEqual({ OK: 1, ALREADY_REVERTED: 9 });
  expect(await balance(owner)).toBe(0n);
  const [reversal] = await t.owner`select id, kind, metadata from transactions where reverses = ${transactionId}`;
  expect(reversal).toMatchObject({ kind: 'REVERSAL', metadata: { reverts: transactionId, reason: 'a test' } });
  expect(await desk.codeOf(revert(reversal?.id))).toBe('CANNOT_REVERT');
  expect(await desk.codeOf(revert(randomUUID()))).toBe('NOT_FOUND');
});

test('PL-08b: what was spent cannot be reverted; a batch is reverted as one or not at all', async () => {
  const [rich, poor] = [await funded(100n), await funded(100n)];
  await desk.run((tx) => post(tx, transfer(randomUUID(), walletOf(poor.owner), gatewayAccount('x'), 1n)));
  expect(await desk.codeOf(revert(rich.transactionId, poor.transactionId))).toBe('INSUFFICIENT_FUNDS');
  expect(await balance(rich.owner)).toBe(100n);
  await desk.fund(poor.owner, 1n, randomUUID());
  expect(await revert(rich.transactionId, poor.transactionId, rich.transactionId)).toHaveLength(2);
  expect([await balance(rich.owner), await balance(poor.owner)]).toEqual([0n, 0n]);
});

test('PL-08b: a batch is posted as one, each posting upon the one before', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const batch = (amount: bigint) => [
    transfer(randomUUID(), gatewayAccount(a), walletOf(a), 50n),
    transfer(randomUUID(), walletOf(a), walletOf(b), amount),
    transfer(randomUUID(), walletOf(b), gatewayAccount(b), 20n),
  ];
  expect(await desk.codeOf(desk.run((tx) => postBatch(tx, batch(51n))))).toBe('INSUFFICIENT_FUNDS');
  expect(await balance(a)).toBe(0n);
  await desk.run((tx) => postBatch(tx, batch(40n)));
  expect([await balance(a), await balance(b)]).toEqual([10n, 20n]);
});

const shapeOf = (applied: readonly AppliedPosting[]) =>
  applied.map(({ entries }) =>
    entries.map(({ accountId, number, amountMinor, balanceAfterMinor, kind }) => ({ accountId, number, amountMinor, balanceAfterMinor, kind })),
  );

test('PL-08c: a dry run answers as the real one, and changes nothing', async () => {
  const { owner, transactionId } = await funded(100n);
  const other = randomUUID();
  const key = randomUUID();
  const postings = (amount: bigint) => [
    transfer(key, walletOf(owner), walletOf(other), amount),
    transfer(`${key}:2`, walletOf(other), systemAccount('PLATFORM_REVENUE', 'EGP', other), 5n),
  ];
  const real = (amount: bigint) => desk.run((tx) => postBatch(tx, postings(amount)));
  const dry = (amount: bigint) => desk.run((tx) => preview(tx, postings(amount)));
  const before = (await t.owner`select count(*)::int as n from entries`)[0]?.n;
  for (const amount of [101n, 4n]) {
    expect(await desk.codeOf(dry(amount))).toBe('INSUFFICIENT_FUNDS');
    expect(await desk.codeOf(real(amount))).toBe('INSUFFICIENT_FUNDS');
  }
  const foretold = await dry(60n);
  expect((await t.owner`select count(*)::int as n from entries`)[0]?.n).toBe(before);
  expect((await t.owner`select 1 from accounts where owner_id = ${other}`).length).toBe(0);
  expect(shapeOf((await real(60n)).map(({ applied }) => applied))).toEqual(shapeOf(foretold));
  expect(await desk.codeOf(dry(60n))).toBe('ALREADY_POSTED');
  const foretoldRevert = () => desk.run((tx) => previewRevert(tx, [transactionId], 'why'));
  expect(await desk.codeOf(foretoldRevert())).toBe('INSUFFICIENT_FUNDS');
  await desk.fund(owner, 60n, randomUUID());
  const shape = shapeOf(await foretoldRevert());
  expect(shapeOf((await revert(transactionId)).map(({ applied }) => applied))).toEqual(shape);
  expect(await desk.codeOf(foretoldRevert())).toBe('ALREADY_REVERTED');
});

const hold = (owner: string, id: string, amountMinor: bigint, expiresInMs = 60_000) =>
  desk.run((tx) =>
    placeHold(tx, {
      ownerId: owner,
      amount: money(amountMinor),
      reference: { type: 'BOOKING', id },
      purpose: 'PAYMENT',
      expiresAt: new Date(tx.now.getTime() + expiresInMs),
    }),
  );
const onHold = <T>(id: string, work: (tx: LedgerTx, row: NonNullable<Awaited<ReturnType<typeof lockHold>>>) => Promise<T>) =>
  desk.run(async (tx) => {
    const row = await lockHold(tx, { type: 'BOOKING', id }, 'PAYMENT');
    if (!row) throw new Error('no hold');
    return work(tx, row);
  });
const part = (takeMinor: bigint) => ({
  kind: 'BOOKING_PAYMENT' as const,
  takeMinor,
  to: [{ account: systemAccount('PLATFORM_REVENUE', 'EGP', 'p'), amountMinor: takeMinor }],
});

test('PL-08: a hold is captured in parts, never beyond itself; the rest goes back once', async () => {
  const { owner } = await funded(100n);
  const id = randomUUID();
  await hold(owner, id, 80n);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => desk.codeOf(onHold(id, (tx, row) => captureHold(tx, row, part(30n))))));
  expect(tally(outcomes)).toEqual({ OK: 2, ABOVE_HOLD: 3 });
  const row = await onHold(id, async (_tx, held) => held);
  expect(row).toMatchObject({ status: 'ACTIVE', capturedMinor: 60n, captures: 2 });
  expect(heldMinor(row)).toBe(20n);
  const ends = await Promise.all(Array.from({ length: 4 }, () => desk.codeOf(onHold(id, voidHold))));
  expect(tally(ends)).toEqual({ OK: 1, HOLD_NOT_ACTIVE: 3 });
  expect([await balance(owner), await balance(owner, 'HELD_FUNDS')]).toEqual([40n, 0n]);
  expect(await onHold(id, async (_tx, held) => held.status)).toBe('CAPTURED');
  const whole = randomUUID();
  await hold(owner, whole, 40n);
  await onHold(whole, (tx, held) => captureHold(tx, held, part(15n)));
  await onHold(whole, (tx, held) => captureHold(tx, held, part(25n)));
  expect(await desk.codeOf(onHold(whole, (tx, held) => settleHold(tx, held, part(1n))))).toBe('HOLD_NOT_ACTIVE');
  await expect(t.owner`update holds set captured_minor = 0, captures = 0, status = 'ACTIVE' where reference_id = ${whole}`).rejects.toMatchObject({
    code: '23514',
  });
});

test('PL-08: a hold that nobody captures is given back by its timer, and cannot be captured after that', async () => {
  const { owner } = await funded(50n);
  const id = randomUUID();
  await hold(owner, id, 50n, -31_000);
  await eventually(async () => (await balance(owner)) === 50n, 'the money back');
  expect(await onHold(id, async (_tx, row) => row.status)).toBe('EXPIRED');
  expect(await desk.codeOf(onHold(id, (tx, row) => captureHold(tx, row, part(1n))))).toBe('HOLD_NOT_ACTIVE');
  expect(await desk.codeOf(onHold(id, voidHold))).toBe('OK');
  expect(await balance(owner)).toBe(50n);
});

test('PL-08: capture against expiry: one of them, whole', async () => {
  for (let round = 0; round < 10; round += 1) {
    const { owner } = await funded(50n);
    const id = randomUUID();
    await hold(owner, id, 50n, -29_900);
    await new Promise((resolve) => setTimeout(resolve, 90 + round * 3));
    const outcome = await desk.codeOf(onHold(id, (tx, row) => settleHold(tx, row, part(50n))));
    const row = await eventually(() => onHold(id, async (_tx, held) => held.status !== 'ACTIVE' && held), 'an end');
    expect({ outcome, status: row.status, left: await balance(owner) }).toEqual(
      outcome === 'OK' ? { outcome: 'OK', status: 'CAPTURED', left: 0n } : { outcome: 'HOLD_NOT_ACTIVE', status: 'EXPIRED', left: 50n },
    );
  }
});

test('PL-08: a promise that ran out is VOIDED, what captures it later is refused, a trip is paid anew; an undecided withdrawal is given back', async () => {
  const g = given(t);
  const rider = await g.withMoney(user('CUSTOMER'), '100.00');
  const driver = await g.withMoney(user('DRIVER'), '100.00', 'driver');
  const [bookingId, tripId] = [await g.heldBooking(rider, 60_00), await g.requestedTrip(rider, 30_00)];
  const expire = async (referenceId: string) => {
    await t.owner`update holds set expires_at = now() - interval '1 minute' where reference_id = ${referenceId}`;
    await t.owner`update timers set due_at = now() where kind = 'hold.expiry' and key = (select id::text from holds where reference_id = ${referenceId})`;
    await eventually(async () => (await t.owner`select 1 from holds where reference_id = ${referenceId} and status <> 'ACTIVE'`).length > 0, 'the expiry');
  };
  await expire(bookingId);
  await expire(tripId);
  expect(await g.payment(rider, 'Booking', bookingId)).toMatchObject({ status: 'VOIDED', failureCode: 'HOLD_EXPIRED' });
  expect(await g.wallet(rider, rider.id)).toMatchObject({ available: { amount: '100.00' } });
  const about = async (type: string, id: string) => (await t.emitted<{ subjectId: string }>(type)).filter((event) => event.subjectId === id);
  expect(await about('payment.voided', bookingId)).toHaveLength(1);
  await g.booking('booking.confirmed', bookingId, { totalMinor: '6000' });
  expect(await g.payment(rider, 'Booking', bookingId)).toMatchObject({ status: 'FAILED', failureCode: 'HOLD_EXPIRED', captured: { amount: '0.00' } });
  expect(await about('payment.failed', bookingId)).toMatchObject([{ code: 'HOLD_EXPIRED' }]);
  await g.booking('booking.cancelled', bookingId, { feeMinor: '0' });
  expect(await g.wallet(rider, rider.id)).toMatchObject({ available: { amount: '100.00' } });
  expect(await desk.codeOf(onHold(bookingId, (tx, held) => captureHold(tx, held, part(1n))))).toBe('HOLD_NOT_ACTIVE');
  // Who drove is paid, whatever became of the promise.
  await g.completeTrip(tripId, rider, driver, 30_00);
  expect(await g.payment(rider, 'Trip', tripId)).toMatchObject({ status: 'CAPTURED', failureCode: null, captured: { amount: '30.00' } });
  expect(await g.wallet(driver, driver.id)).toMatchObject({ available: { amount: '125.50' } });
  const input = { amount: { amount: '70.00', currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() };
  await t.run(driver, 'mutation($input: RequestWithdrawalInput!) { requestWithdrawal(input: $input) { id } }', { input });
  const [row] = await t.owner`select id from withdrawals where user_id = ${driver.id}`;
  await expire(row?.id);
  expect(await g.wallet(driver, driver.id)).toMatchObject({ available: { amount: '125.50' } });
  expect((await t.owner`select status, reason from withdrawals where id = ${row?.id}`)[0]).toEqual({ status: 'REJECTED', reason: 'Not decided in time.' });
  expect((await t.emitted<{ withdrawalId: string }>('withdrawal.rejected')).map((event) => event.withdrawalId)).toEqual([row?.id]);
});

test('PL-08b: balanceAt: what we said then, and what we know now of then', async () => {
  const hour = (n: number) => new Date(Date.UTC(2026, 0, 1, n));
  const { owner } = await funded(100n, { effectiveAt: hour(1) });
  await desk.fund(owner, 10n, randomUUID(), { effectiveAt: hour(3) });
  const middle = new Date(Date.now() + 2);
  await new Promise((resolve) => setTimeout(resolve, 6));
  await desk.fund(owner, 1n, randomUUID());
  await desk.fund(owner, 1000n, randomUUID(), { effectiveAt: new Date(Date.UTC(2099, 0, 1)) });
  const account = accountIdOf(walletOf(owner));
  const at = (time: Date, by: 'EFFECTIVE' | 'RECORDED') => desk.run((tx) => balanceAt(tx.orm, account, time, by));
  const times = [hour(0), hour(2), hour(4), middle, new Date(Date.now() + 1000), new Date(Date.UTC(2099, 0, 2))];
  expect(await Promise.all(times.map((time) => at(time, 'RECORDED')))).toEqual([0n, 0n, 0n, 110n, 1111n, 1111n]);
  expect(await Promise.all(times.map((time) => at(time, 'EFFECTIVE')))).toEqual([0n, 100n, 110n, 110n, 111n, 1111n]);
  expect(await desk.run((tx) => balanceAt(tx.orm, randomUUID(), new Date(), 'EFFECTIVE'))).toBe(0n);
});

test('PL-08b: a clock that goes back does not put an entry before one that is there', async () => {
  const owner = randomUUID();
  await desk.fund(owner, 1n, randomUUID());
  const past = { ...t.environment, clock: () => new Date(Date.now() - 3_600_000) };
  const slow = openDesk(past, TEST_SECRET, 1);
  await slow.fund(owner, 1n, randomUUID()).finally(() => slow.db.close());
  const rows = await t.owner`select recorded_at from entries where account_id = ${accountIdOf(walletOf(owner))} order by number`;
  expect(rows[1]?.recorded_at.getTime()).toBeGreaterThanOrEqual(rows[0]?.recorded_at.getTime());
});

test('PL-01: a balanced pair that is added to an old transaction is refused, and so is an account that skips a number', async () => {
  const { owner, transactionId } = await funded(100n);
  const other = await funded(100n);
  const pair = t.owner.begin(async (sql) => {
    for (const [who, amount] of [
      [owner, -5],
      [other.owner, 5],
    ] as const) {
      const id = accountIdOf(walletOf(who));
      const hash = Buffer.alloc(32, 7);
      await sql`insert into entries (account_id, number, transaction_id, amount_minor, currency, balance_after_minor, effective_at, recorded_at, previous_hash, hash)
        select id, 2, ${transactionId}, ${amount}, 'EGP', balance_minor + ${amount}, now(), now(), last_hash, ${hash} from accounts where id = ${id}`;
      await sql`update accounts set balance_minor = balance_minor + ${amount}, entry_count = 2, last_hash = ${hash} where id = ${id}`;
    }
  });
  await expect(pair).rejects.toMatchObject({ code: '23514', constraint_name: 'transactions_balance' });
  const skip = t.owner`update accounts set entry_count = 7 where id = ${accountIdOf(walletOf(owner))}`;
  await expect(skip).rejects.toMatchObject({ constraint_name: 'accounts_follow_entries' });
});

test('PL-06b: first postings to the same new accounts, in any order, neither deadlock nor fail', async () => {
  const deadlocks = async () => Number((await t.owner`select deadlocks from pg_stat_database where datname = current_database()`)[0]?.deadlocks);
  const before = await deadlocks();
  for (let round = 0; round < 8; round += 1) {
    const people = Array.from({ length: 4 }, () => randomUUID());
    const known = await funded(1_000n);
    const postings = Array.from({ length: 16 }, (_, n) => {
      const order = [...people].sort(() => (n % 2 ? 1 : -1));
      const entries = order.slice(0, 2 + (n % 3)).map((who) => ({ account: walletOf(who), amountMinor: 1n }));
      return {
        ...transfer(randomUUID(), walletOf(known.owner), gatewayAccount('x'), 1n),
        entries: [...entries, { account: n % 3 ? walletOf(known.owner) : gatewayAccount(order[0] ?? ''), amountMinor: -BigInt(entries.length) }],
      };
    });
    const outcomes = await Promise.all(postings.map((posting) => desk.codeOf(desk.run((tx) => post(tx, posting)))));
    expect(tally(outcomes)).toEqual({ OK: 16 });
  }
  expect(await deadlocks()).toBe(before);
});

/** What only a superuser with the triggers off can do. */
const tamper = (statement: string) =>
  t.owner.begin(async (sql) => {
    await sql.unsafe('set local session_replication_role = replica');
    await sql.unsafe(statement);
  });

test('PL-07: a changed amount, a deleted entry, a swapped hash, a changed balance: each is found and named', async () => {
  const { owner } = await funded(100n);
  await desk.fund(owner, 20n, randomUUID());
  await desk.fund(owner, 30n, randomUUID());
  const account = accountIdOf(walletOf(owner));
  const clean = await verifyLedger(t.owner);
  expect(clean.damage).toEqual([]);
  expect(clean.entries).toBeGreaterThan(50);
  await t.owner`create table kept as select * from entries where account_id = ${account}`;
  const restore = () => tamper(`delete from entries where account_id = '${account}'; insert into entries select * from kept`);
  const found = async () =>
    (await verifyLedger(t.owner)).damage.map(({ where, problem }) => `${where.replace(/_\w+/, '')}: ${problem.replace(/[0-9a-z]{20,}/, '…')}`);

  await tamper(`update entries set amount_minor = 21 where account_id = '${account}' and number = 2`);
  expect(await found()).toEqual(['wal entry 2: balance 120 after 100 and 21', 'txn: does not balance']);
  await restore();
  await tamper(`update entries set amount_minor = 21, balance_after_minor = 121 where account_id = '${account}' and number = 2`);
  expect(await found()).toEqual(['wal entry 2: was changed after it was written', 'txn: does not balance']);
  await restore();
  await tamper(`delete from entries where account_id = '${account}' and number = 2`);
  expect(await found()).toEqual(['wal entry 3: number 3 follows 1', 'txn: says 2 entries, and has 1']);
  await restore();
  await tamper(`delete from entries where account_id = '${account}' and number = 3`);
  expect(await found()).toEqual(['wal: counts 3 entries, and the last one is number 2', 'txn: says 2 entries, and has 1']);
  await restore();
  await tamper(
    `update entries e set hash = o.hash from entries o where e.account_id = '${account}' and o.account_id = '${account}' and e.number + o.number = 5 and e.number > 1`,
  );
  expect(await found()).toEqual(['wal entry 2: was changed after it was written']);
  await restore();
  await tamper(`update accounts set balance_minor = 151 where id = '${account}'`);
  expect(await found()).toEqual(['wal: says 151, and its last entry 150', expect.stringContaining('all accounts add up to 1')]);
  await tamper(`update accounts set balance_minor = 150 where id = '${account}'`);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
});

test('PL-07: a changed key, cause or reversal of a transaction, and an account that was given away: each is found and named', async () => {
  const { owner, transactionId } = await funded(100n);
  await revert((await desk.fund(owner, 20n, randomUUID())).transactionId);
  const [other] = await t.owner`select id from transactions where id <> ${transactionId} and kind = 'DEPOSIT' and not exists (
    select 1 from transactions r where r.reverses = transactions.id) limit 1`;
  const account = accountIdOf(walletOf(owner));
  const damage = async () => (await verifyLedger(t.owner)).damage.map(({ kind, problem }) => `${kind} ${problem}`);
  const changed = 'ENTRY was changed after it was written';
  const [kept] = await t.owner`select posting_key, cause, reverses from transactions where reverses is not null and reference_id = ${owner}`;
  const reversal = `reverses = '${kept?.reverses}'`;
  for (const [change, back] of [
    [`posting_key = posting_key || '!'`, `posting_key = '${kept?.posting_key}'`],
    [`cause = cause || '{"actor":"user:nobody"}'`, `cause = '${JSON.stringify(kept?.cause)}'`],
    [`reverses = null`, reversal],
    [`reverses = '${other?.id}'`, reversal],
  ] as const) {
    await tamper(`update transactions set ${change} where reference_id = '${owner}' and kind = 'REVERSAL'`);
    // Both its entries: the wallet's and the gateway's.
    expect({ change, found: await damage() }).toEqual({ change, found: [changed, changed] });
    await tamper(`update transactions set ${back} where reference_id = '${owner}' and kind = 'REVERSAL'`);
    expect(await damage()).toEqual([]);
  }
  await tamper(`update accounts set owner_id = '${randomUUID()}' where id = '${account}'`);
  expect(await damage()).toEqual(['ACCOUNT is not of the owner, type or currency that its id was made from']);
  await tamper(`update accounts set owner_id = '${owner}' where id = '${account}'`);
  expect(await damage()).toEqual([]);
});

test('PL-07: entries from before all of that was covered keep verifying, and are found when changed', async () => {
  const { owner } = await funded(100n);
  const account = accountIdOf(walletOf(owner));
  const before = await desk.run((tx) => chainOf(tx, account, 0n, 10));
  const [first] = before;
  if (!first) throw new Error('no entry');
  // As the entry was hashed then, written out by hand.
  const facts = [first.accountId, '1', first.transactionId, first.kind, first.referenceType, first.referenceId, [], '100', 'EGP', '100'];
  const times = [first.effectiveAt.toISOString(), first.recordedAt.toISOString()];
  const old = createHash('sha256')
    .update(Buffer.alloc(32))
    .update(JSON.stringify([...facts, ...times]))
    .digest('hex');
  await tamper(`update entries set hash = '\\x${old}' where account_id = '${account}'; update accounts set last_hash = '\\x${old}' where id = '${account}'`);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
  await desk.fund(owner, 5n, randomUUID());
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
  await tamper(`update entries set effective_at = effective_at - interval '1 day' where account_id = '${account}' and number = 1`);
  expect((await verifyLedger(t.owner)).damage).toMatchObject([{ where: expect.stringMatching(/ entry 1$/), problem: 'was changed after it was written' }]);
  await tamper(`update entries set effective_at = effective_at + interval '1 day' where account_id = '${account}' and number = 1`);
});

test('PL-02: a reversal of what came out of a hold goes to the wallet', async () => {
  const { owner } = await funded(100n);
  const id = randomUUID();
  await hold(owner, id, 70n);
  await onHold(id, (tx, row) => settleHold(tx, row, { ...part(60n), kind: 'DEPOSIT' }));
  const [row] = await t.owner`select id from transactions where reference_id = ${id} and kind = 'DEPOSIT'`;
  await revert(row?.id);
  expect([await balance(owner), await balance(owner, 'HELD_FUNDS')]).toEqual([100n, 0n]);
});
