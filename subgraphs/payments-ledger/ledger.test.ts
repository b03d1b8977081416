import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemActor } from '../../platform/actor.js';
import { sqlState } from '../../platform/errors.js';
import { appUrl } from '../../platform/migrate.js';
import { money } from '../../platform/money.js';
import { connectDatabase, type Database, inTransaction } from '../../platform/postgres.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, tally } from '../../test/subgraphHarness.js';
import { lockHold, placeHold, settleHold, voidHold } from './holdCommands.js';
import { brokenInvariants } from './invariants.js';
import { type AccountRef, accountIdOf, brokenLink, GENESIS_HASH, ownedAccount, systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { startPaymentsLedger } from './main.js';
import { servedBy } from './payments.given.js';
import { chainOf } from './queries.js';
import { openCustomerWallet, openDriverWallet } from './wallets.js';

const DEBT_LIMIT = 500_00n;
const desk: Desk = { walletChanged: () => {}, driverDebtLimitMinor: DEBT_LIMIT, sendsPayouts: true };
const gateway = (currency: string, by: string) => systemAccount('GATEWAY_CLEARING', currency, by);
const walletOf = (owner: string, currency = 'EGP') => ownedAccount('CUSTOMER_WALLET', owner, currency);

let t: TestSubgraph;
let db: Database;
beforeAll(async () => {
  const served = servedBy(startPaymentsLedger);
  t = await startTestSubgraph('payments-ledger', served.start, { env: served.env });
  const { databaseUrl, log, clock } = t.environment;
  db = connectDatabase({ url: appUrl(databaseUrl, 'payments-ledger', TEST_SECRET), log, clock, applicationName: 'ledger-test' });
});
afterAll(async () => {
  await db.close();
  await t[Symbol.asyncDispose]();
});

const run = <T>(work: (tx: LedgerTx) => Promise<T>) => inTransaction(systemActor('test'), db, { traceId: '', causationId: '' }, (tx) => work(atDesk(tx, desk)));
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'OK').catch((error) => (error as { code?: string }).code ?? String(error));
const fund = (owner: string, amountMinor: bigint) =>
  run((tx) =>
    post(tx, {
      key: `fund:${randomUUID()}`,
      kind: 'DEPOSIT',
      reference: { type: 'USER', id: owner },
      entries: [
        { account: gateway('EGP', owner), amountMinor: -amountMinor },
        { account: walletOf(owner), amountMinor },
      ],
    }),
  );
const available = async (owner: string) =>
  BigInt((await t.owner`select balance_minor from accounts where owner_id = ${owner} and type = 'CUSTOMER_WALLET'`)[0]?.balance_minor ?? 0);

test('PL-01: the database refuses an unbalanced transaction at commit, whoever writes it', async () => {
  const owner = randomUUID();
  await fund(owner, 100n);
  const id = randomUUID();
  const insert = (sum: number) =>
    t.owner.begin(async (sql) => {
      const hash = Buffer.alloc(32);
      await sql`insert into transactions (id, posting_key, kind, reference_type, reference_id, metadata, cause, entry_count, effective_at, recorded_at)
        values (${id}, ${id}, 'DEPOSIT', 'USER', ${owner}, '{}', '{}', 2, now(), now())`;
      for (const [number, amount] of [
        [1001, -100],
        [1002, 100 + sum],
      ] as const) {
        await sql`insert into entries (account_id, number, transaction_id, amount_minor, currency, balance_after_minor, effective_at, recorded_at,
            previous_hash, hash)
          values (${accountIdOf(walletOf(owner))}, ${number}, ${id}, ${amount}, 'EGP', 0, now(), now(), ${hash}, ${hash})`;
      }
      if (sum === 0) throw new Error('balanced: taken back by the test');
    });
  await expect(insert(1)).rejects.toMatchObject({ code: '23514', constraint_name: 'transactions_balance' });
  await expect(insert(0)).rejects.toThrow('taken back');
  const alone = t.owner`insert into transactions (id, posting_key, kind, reference_type, reference_id, metadata, cause, entry_count, effective_at, recorded_at)
    values (${id}, ${id}, 'DEPOSIT', 'USER', ${owner}, '{}', '{}', 0, now(), now())`;
  await expect(alone).rejects.toMatchObject({ constraint_name: 'transactions_balance' });
});

test('PL-01: entries and transactions cannot be changed: the service may not, and a trigger refuses the owner', async () => {
  await fund(randomUUID(), 100n);
  for (const table of ['entries', 'transactions']) {
    for (const statement of [`update ${table} set recorded_at = now()`, `delete from ${table}`, `truncate ${table} cascade`]) {
      const asService = t.asService.begin(async (sql) => {
        await sql`select set_config('waygraph.actor_roles', 'SYSTEM', true)`;
        await sql.unsafe(statement);
      });
      await expect(asService, statement).rejects.toMatchObject({ code: '42501', message: expect.stringContaining('permission denied') });
      await expect(t.owner.unsafe(statement), statement).rejects.toMatchObject({ code: '42501', message: expect.stringContaining('append-only') });
    }
  }
  await expect(t.asService`delete from accounts`).rejects.toMatchObject({ code: '42501' });
  await expect(t.asService`update accounts set min_balance_minor = null`).rejects.toMatchObject({ code: '42501' });
});

test('PL-02: the database itself keeps a wallet at its floor', async () => {
  const owner = randomUUID();
  await fund(owner, 100n);
  const below = t.owner`update accounts set balance_minor = -1 where owner_id = ${owner} and type = 'CUSTOMER_WALLET'`;
  await expect(below).rejects.toMatchObject({ code: '23514', constraint_name: 'accounts_min_balance' });
  const loose = t.owner`update accounts set min_balance_minor = -5 where owner_id = ${owner} and type = 'CUSTOMER_WALLET'`;
  await expect(loose).rejects.toMatchObject({ constraint_name: 'accounts_wallet_floor' });
});

test('PL-01: an effect is posted once: the same key a second time is refused by the database', async () => {
  const owner = randomUUID();
  const key = randomUUID();
  const twice = () =>
    run((tx) =>
      post(tx, {
        key,
        kind: 'DEPOSIT',
        reference: { type: 'USER', id: owner },
        entries: [
          { account: gateway('EGP', owner), amountMinor: -7n },
          { account: walletOf(owner), amountMinor: 7n },
        ],
      }),
    );
  await twice();
  expect(sqlState(await twice().catch((error) => error))).toBe('23505');
  expect(await available(owner)).toBe(7n);
});

const holdFor = (owner: string, id: string, amountMinor: bigint) =>
  run((tx) =>
    placeHold(tx, {
      ownerId: owner,
      amount: money(amountMinor),
      reference: { type: 'BOOKING', id },
      purpose: 'PAYMENT',
      expiresAt: new Date(Date.now() + 60_000),
    }),
  );
const capture = (id: string, takeMinor: bigint) =>
  run(async (tx) => {
    const hold = await lockHold(tx, { type: 'BOOKING', id }, 'PAYMENT');
    if (!hold) throw new Error('no hold');
    const to = [{ account: systemAccount('PLATFORM_REVENUE', 'EGP', id), amountMinor: takeMinor }];
    return settleHold(tx, hold, { kind: 'BOOKING_PAYMENT', takeMinor, to });
  });
const giveBack = (id: string) =>
  run(async (tx) => {
    const hold = await lockHold(tx, { type: 'BOOKING', id }, 'PAYMENT');
    if (!hold) throw new Error('no hold');
    return voidHold(tx, hold);
  });

test('PL-08: ten captures and voids of one hold at once: one effect', async () => {
  const owner = randomUUID();
  const id = randomUUID();
  await fund(owner, 100n);
  await holdFor(owner, id, 100n);
  const captures = await Promise.all(Array.from({ length: 10 }, () => codeOf(capture(id, 60n))));
  expect(tally(captures)).toEqual({ OK: 1, HOLD_NOT_ACTIVE: 9 });
  expect(await available(owner)).toBe(40n);
  expect(await codeOf(giveBack(id))).toBe('HOLD_NOT_ACTIVE');
  const other = randomUUID();
  await holdFor(owner, other, 40n);
  await Promise.all(Array.from({ length: 10 }, () => giveBack(other)));
  expect(await available(owner)).toBe(40n);
  expect(await codeOf(capture(other, 1n))).toBe('HOLD_NOT_ACTIVE');
  await expect(t.owner`update holds set status = 'ACTIVE' where reference_id = ${other}`).rejects.toMatchObject({ constraint_name: 'holds_settle_once' });
});

test('PL-08: twenty holds race for money that is there for seven', async () => {
  const owner = randomUUID();
  await fund(owner, 70n);
  const outcomes = await Promise.all(Array.from({ length: 20 }, () => codeOf(holdFor(owner, randomUUID(), 10n))));
  expect(tally(outcomes)).toEqual({ OK: 7, INSUFFICIENT_FUNDS: 13 });
});

interface Step {
  do: 'fund' | 'hold' | 'capture' | 'void' | 'transfer' | 'commission';
  who: number;
  amount: bigint;
}
const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom('fund', 'hold', 'capture', 'void', 'transfer', 'commission'),
  who: fc.nat(3),
  amount: fc.bigInt({ min: 1n, max: 400_00n }),
});

test('PL-03: any operations in any interleaving: sums are zero, no wallet below its floor, balances, numbers and chains hold', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
      const people = Array.from({ length: 4 }, () => randomUUID());
      const drivers = Array.from({ length: 4 }, () => randomUUID());
      for (const person of people) await run((tx) => openCustomerWallet(tx, person));
      for (const driver of drivers) await run((tx) => openDriverWallet(tx, driver));
      const holds: string[] = [];
      const move = (from: AccountRef, to: AccountRef, amount: bigint) =>
        run((tx) =>
          post(tx, {
            key: randomUUID(),
            kind: 'TRIP_SETTLEMENT',
            reference: { type: 'TRIP', id: randomUUID() },
            entries: [
              { account: from, amountMinor: -amount },
              { account: to, amountMinor: amount },
            ],
          }),
        );
      const person = (who: number) => people[who % 4] ?? '';
      const some = (amount: bigint) => holds[Number(amount) % Math.max(1, holds.length)];
      const actions: Record<Step['do'], (who: number, amount: bigint) => Promise<unknown>> = {
        fund: (who, amount) => fund(person(who), amount),
        transfer: (who, amount) => move(walletOf(person(who)), walletOf(person(who + 1)), amount),
        commission: (who, amount) =>
          move(ownedAccount('DRIVER_WALLET', drivers[who] ?? '', 'EGP'), systemAccount('PLATFORM_REVENUE', 'EGP', person(who)), amount),
        hold: async (who, amount) => {
          const id = randomUUID();
          await holdFor(person(who), id, amount);
          holds.push(id);
        },
        capture: async (_who, amount) => {
          const id = some(amount);
          if (id) await capture(id, amount);
        },
        void: async (_who, amount) => {
          const id = some(amount);
          if (id) await giveBack(id);
        },
      };
      // Six workers at once, each with every sixth step.
      const outcomes = await Promise.all(
        Array.from({ length: 6 }, async (_, worker) => {
          const seen: string[] = [];
          for (const each of steps.filter((_step, index) => index % 6 === worker)) seen.push(await codeOf(actions[each.do](each.who, each.amount)));
          return seen;
        }),
      );
      expect(new Set([...outcomes.flat(), 'OK', 'INSUFFICIENT_FUNDS', 'HOLD_NOT_ACTIVE'])).toEqual(new Set(['OK', 'INSUFFICIENT_FUNDS', 'HOLD_NOT_ACTIVE']));
    }),
    { numRuns: 15 },
  );
  const broken = await run((tx) => brokenInvariants(tx));
  expect(broken.filter((finding) => finding.kind !== 'HOLD_OVERDUE')).toEqual([]);
  expect((await t.owner`select currency, sum(amount_minor)::text as sum from entries group by currency`).map((row) => row.sum)).toEqual(['0']);
  expect((await t.owner`select 1 from accounts where type in ('CUSTOMER_WALLET', 'HELD_FUNDS') and balance_minor < 0`).length).toBe(0);
  expect((await t.owner`select 1 from accounts where type = 'DRIVER_WALLET' and balance_minor < ${(-DEBT_LIMIT).toString()}`).length).toBe(0);
  const accounts = await t.owner`select id from accounts where entry_count > 0`;
  for (const { id } of accounts) {
    const chain = await run((tx) => chainOf(tx, id, 0n, 10_000));
    expect(brokenLink(chain, { number: 0n, balanceMinor: 0n, hash: GENESIS_HASH })).toBeNull();
  }
  const [held] = await t.owner`select coalesce(sum(balance_minor), 0)::text as account,
    (select coalesce(sum(amount_minor), 0)::text from holds where status = 'ACTIVE') as holds from accounts where type = 'HELD_FUNDS'`;
  expect(held?.account).toBe(held?.holds);
}, 120_000);

test('PL-06b: postings across each other in both directions do not deadlock', async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  await fund(a, 10_000n);
  await fund(b, 10_000n);
  const swap = (from: string, to: string) =>
    run((tx) =>
      post(tx, {
        key: randomUUID(),
        kind: 'REFUND',
        reference: { type: 'USER', id: from },
        entries: [
          { account: walletOf(from), amountMinor: -1n },
          { account: walletOf(to), amountMinor: 1n },
        ],
      }),
    );
  const deadlocks = async () => Number((await t.owner`select deadlocks from pg_stat_database where datname = current_database()`)[0]?.deadlocks);
  const before = await deadlocks();
  await Promise.all(Array.from({ length: 200 }, (_, index) => (index % 2 ? swap(a, b) : swap(b, a))));
  expect(await available(a)).toBe(10_000n);
  expect(await deadlocks()).toBe(before);
});
