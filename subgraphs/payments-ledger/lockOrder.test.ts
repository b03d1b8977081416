import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId } from '../../platform/ids.js';
import { money } from '../../platform/money.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { COMMISSION_TIMER, collectCommission, commissionDebt } from './commissionDebts.js';
import { creditDeposit, initiateDeposit, lockDeposit } from './depositCommands.js';
import { openDesk, transfer, walletOf } from './desk.given.js';
import { accountIdOf, ownedAccount, systemAccount } from './ledger.js';
import { lockAccounts, openAccounts } from './accountCommands.js';
import { atDesk } from './desk.js';
import { post, postBatch } from './ledgerCommands.js';
import { startPaymentsLedger } from './main.js';
import { given, servedBy } from './payments.given.js';
import { closeWallet, openDriverWallet, requireWallet, setDriverLimit } from './wallets.js';

let t: TestSubgraph;
let g: ReturnType<typeof given>;
let desk: ReturnType<typeof openDesk>;
const repeated: string[] = [];
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  g = given(t);
  const log = t.environment.log.child({});
  log.warn = ((facts: { state?: string }) => void repeated.push(facts.state ?? '')) as typeof log.warn;
  desk = openDesk({ ...t.environment, log }, TEST_SECRET);
});
afterAll(async () => {
  await desk.db.close();
  await t[Symbol.asyncDispose]();
});

const waiting = async () => (await t.owner`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`).length;

test('PL-06b: money that comes in and a collection of commission take timer and wallet in one order: neither is repeated', async () => {
  const driver = randomUUID();
  const debt = commissionDebt(driver, 'EGP');
  await desk.run((tx) => openDriverWallet(tx, driver));
  await desk.run((tx) => post(tx, transfer(randomUUID(), debt, systemAccount('PLATFORM_REVENUE', 'EGP', 'x'), 5_00n)));
  const depositId = await desk.run((tx) => initiateDeposit(tx, { userId: driver, amount: money(20_00n), adapter: 'sandbox' }));
  // A timer that no sweeper takes meanwhile.
  await t.owner`insert into timers (id, kind, key, payload, due_at, metadata)
    values (gen_random_uuid(), ${COMMISSION_TIMER}, ${driver}, '{}', now() + interval '1 hour', '{}')`;
  let taken: () => void = () => {};
  const timerTaken = new Promise<void>((resolve) => {
    taken = resolve;
  });
  const collection = desk.run(async (tx) => {
    // As the sweeper does: the timer, then what its handler locks.
    await tx.orm.execute(sql`delete from timers where kind = ${COMMISSION_TIMER} and key = ${driver}`);
    taken();
    await eventually(async () => (await waiting()) > 0, 'the deposit to wait');
    await collectCommission(tx, driver);
  });
  await timerTaken;
  const deposit = desk.run(async (tx) => {
    const row = await lockDeposit(tx, depositId);
    if (row) await creditDeposit(tx, row, row.amountMinor);
  });
  await Promise.all([collection, deposit]);
  expect(repeated).toEqual([]);
  const owes = async () => (await t.owner`select balance_minor::int as minor from accounts where id = ${accountIdOf(debt)}`)[0]?.minor;
  await eventually(async () => (await owes()) === 0, 'the debt to be collected out of the deposit');
});

test('PL-06b: a closed wallet that takes something late is opened again by the posting, under the locks of all its accounts', async () => {
  const owner = randomUUID();
  await desk.run((tx) => openAccounts(tx, [walletOf(owner)]));
  await desk.run((tx) => closeWallet(tx, owner));
  // Many late postings at once, each with accounts on both sides of the wallet's id.
  const others = Array.from({ length: 12 }, () => systemAccount('GATEWAY_CLEARING', 'EGP', randomUUID()));
  await Promise.all(
    others.map((from, n) =>
      desk.run(async (tx) => {
        const posting = transfer(randomUUID(), from, await requireWallet(tx, owner, 'EGP'), 1_00n);
        return n % 2 === 0 ? post(tx, posting) : postBatch(tx, [posting]);
      }),
    ),
  );
  expect(repeated).toEqual([]);
  const [wallet] = await t.owner`select balance_minor::int as minor, closed_at from accounts where id = ${accountIdOf(walletOf(owner))}`;
  expect(wallet).toEqual({ minor: 12_00, closed_at: null });
  // One that has moved into another wallet is not: the person has one.
  const moved = await desk.fund(randomUUID(), 1n, randomUUID()).then(() => randomUUID());
  await desk.run((tx) => openAccounts(tx, [walletOf(moved)]));
  await desk.run((tx) => openDriverWallet(tx, moved));
  const stale = { ...walletOf(moved), reopens: true };
  const late = desk.run((tx) => post(tx, transfer(randomUUID(), systemAccount('GATEWAY_CLEARING', 'EGP', 'y'), stale, 1_00n)));
  expect(await desk.codeOf(late)).toBe('CONFLICT');
});

test('PL-08b: a deposit that was spent cannot be taken back, also not on credit; one that was says so, and no webhook puts it back', async () => {
  const driver = await g.withMoney(user('DRIVER'), null, 'driver');
  const deposit = await g.initiate(driver, '30.00');
  await g.webhook(g.paid(deposit));
  const [row] = await t.owner`select t.id from transactions t join deposits d on d.id = t.reference_id where d.user_id = ${driver.id} and t.kind = 'DEPOSIT'`;
  const revert = (dryRun = false) =>
    t.run(user('ADMIN'), 'mutation($i: RevertTransactionInput!) { revertTransaction(input: $i) { dryRun entries { amount { amount } } } }', {
      i: { transactionId: publicId('txn', row?.id), reason: 'a mistake', dryRun, idempotencyKey: randomUUID() },
    });
  await g.completedTrip(driver, await g.withMoney(user('DRIVER'), null, 'driver'), 10_00);
  // A driver's debt limit would bear it; it is for commission.
  for (const dryRun of [true, false]) expect((await revert(dryRun)).codes).toEqual(['INSUFFICIENT_FUNDS']);
  expect((await t.owner`select status from deposits where user_id = ${driver.id}`)[0]?.status).toBe('COMPLETED');
  await g.webhook(g.paid(await g.initiate(driver, '10.00')));
  expect((await revert()).codes).toEqual([]);
  const status = async () =>
    (await t.run<{ deposit: { status: string } }>(driver, 'query($id: ID!) { deposit(id: $id) { status } }', { id: deposit.id })).data.deposit;
  expect(await status()).toEqual({ status: 'REVERSED' });
  expect(await (await g.webhook(g.paid(deposit))).json()).toMatchObject({ outcome: 'NOTHING_TO_DO' });
  expect(await g.wallet(driver, driver.id)).toMatchObject({ balance: { amount: '0.00' } });
});

test('PL-02: a new debt limit reaches wallets that exist; one that is lower keeps what it has used, and no more', async () => {
  const [calm, deep] = [randomUUID(), randomUUID()];
  for (const driver of [calm, deep]) await desk.run((tx) => openDriverWallet(tx, driver));
  const wallet = (driver: string) => ownedAccount('DRIVER_WALLET', driver, 'EGP');
  const commission = (driver: string, minor: bigint) =>
    desk.codeOf(desk.run((tx) => post(tx, transfer(randomUUID(), wallet(driver), systemAccount('PLATFORM_REVENUE', 'EGP', 'z'), minor))));
  expect(await commission(deep, 300_00n)).toBe('OK');
  const limit = (minor: bigint) => desk.run((tx) => setDriverLimit(atDesk(tx, { ...tx.desk, driverDebtLimitMinor: minor })));
  expect(await limit(100_00n)).toBeGreaterThanOrEqual(2);
  expect(await limit(100_00n)).toBe(0);
  expect(await Promise.all([commission(calm, 100_01n), commission(deep, 1n)])).toEqual(['INSUFFICIENT_FUNDS', 'INSUFFICIENT_FUNDS']);
  expect(await commission(calm, 100_00n)).toBe('OK');
  await limit(500_00n);
  expect(await commission(deep, 200_00n)).toBe('OK');
  const asPerson = t.asService.begin(async (tx) => {
    await tx`select set_config('waygraph.actor_id', ${calm}, true), set_config('waygraph.actor_roles', 'ADMIN', true)`;
    return tx`select ledger_set_driver_limit(99999999)`;
  });
  await expect(asPerson).rejects.toMatchObject({ code: '42501' });
});

test('PL-01: a posting that breaks another rule of the database than a floor is a bug, and does not look like an empty wallet', async () => {
  const owner = randomUUID();
  await desk.fund(owner, 5_00n, randomUUID());
  await t.owner`alter table entries add constraint no_thirteens check (amount_minor <> 13 and amount_minor <> -13)`;
  try {
    const posted = desk.run((tx) => post(tx, transfer(randomUUID(), walletOf(owner), systemAccount('PLATFORM_REVENUE', 'EGP', 'q'), 13n)));
    expect(await desk.codeOf(posted)).not.toBe('INSUFFICIENT_FUNDS');
    const [locked] = await desk.run((tx) => lockAccounts(tx, [accountIdOf(walletOf(owner))])).then((found) => [...found.values()]);
    expect(locked?.balanceMinor).toBe(5_00n);
  } finally {
    await t.owner`alter table entries drop constraint no_thirteens`;
  }
});
