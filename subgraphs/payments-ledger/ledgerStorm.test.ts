import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../../platform/errors.js';
import { once } from '../../platform/idempotency.js';
import { money } from '../../platform/money.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, tally, user } from '../../test/subgraphHarness.js';
import { balanceAt } from './balanceQueries.js';
import { DEBT_LIMIT, gatewayAccount, openDesk, transfer, walletOf } from './desk.given.js';
import { captureHold, expireHold, type HoldRow, heldMinor, lockHold, placeHold, settleHold, voidHold } from './holdCommands.js';
import { brokenInvariants } from './invariants.js';
import { accountIdOf, type Posting, systemAccount } from './ledger.js';
import type { LedgerTx } from './desk.js';
import { post, postBatch, preview } from './ledgerCommands.js';
import { verifyLedger } from './ledgerVerification.js';
import { startPaymentsLedger } from './main.js';
import { closePayment } from './paymentCommands.js';
import { given, servedBy } from './payments.given.js';
import { revertBatch } from './reversalCommands.js';

const WORKERS = 20;
const ACCOUNTS = 50;
const OPERATIONS = 500;

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

/** A generator that repeats itself from its seed (mulberry32), so that a failing storm can be had again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Storm {
  people: string[];
  holds: string[];
  posted: string[];
}

/** One operation: what it does in its transaction, and the id that it answers with. */
type Operation = (tx: LedgerTx, storm: Storm, random: (below: number) => number) => Promise<string>;

const some = <T>(list: readonly T[], random: (below: number) => number): T | undefined => list[random(list.length)];
const amount = (random: (below: number) => number) => BigInt(1 + random(300_00));
const keep = async (storm: Storm, posting: Promise<{ transactionId: string }>) => {
  const { transactionId } = await posting;
  storm.posted.push(transactionId);
  return transactionId;
};

async function onSomeHold(tx: LedgerTx, storm: Storm, random: (below: number) => number, work: (hold: HoldRow) => Promise<unknown>): Promise<string> {
  const id = some(storm.holds, random);
  if (!id) return randomUUID();
  const hold = await lockHold(tx, { type: 'BOOKING', id }, 'PAYMENT');
  if (hold) await work(hold);
  return id;
}

const income = (takeMinor: bigint, by: string) => ({
  kind: 'BOOKING_PAYMENT' as const,
  takeMinor,
  to: [{ account: systemAccount('PLATFORM_REVENUE', 'EGP', by), amountMinor: takeMinor }],
});
const between = (storm: Storm, random: (below: number) => number): Posting =>
  transfer(randomUUID(), walletOf(some(storm.people, random) ?? ''), walletOf(some(storm.people, random) ?? ''), amount(random));

const OPERATION: Readonly<Record<string, Operation>> = {
  fund: (tx, storm, random) => {
    const who = some(storm.people, random) ?? '';
    const effectiveAt = random(4) === 0 ? new Date(tx.now.getTime() - random(86_400_000)) : undefined;
    return keep(storm, post(tx, transfer(randomUUID(), gatewayAccount(who), walletOf(who), amount(random), effectiveAt ? { effectiveAt } : {})));
  },
  transfer: (tx, storm, random) => keep(storm, post(tx, between(storm, random))),
  orElse: (tx, storm, random) => {
    const posting = between(storm, random);
    const [from, to] = posting.entries;
    if (!from || !to) throw new Error('no posting');
    const owed = { ...from, account: { ...from.account, type: 'RECEIVABLE' as const } };
    return keep(storm, post(tx, posting, { ...posting, entries: [owed, to] }));
  },
  batch: async (tx, storm, random) => {
    const posted = await postBatch(
      tx,
      Array.from({ length: 2 + random(4) }, () => between(storm, random)),
    );
    return posted[0]?.transactionId ?? '';
  },
  preview: async (tx, storm, random) => {
    await preview(tx, [between(storm, random)]);
    return randomUUID();
  },
  hold: async (tx, storm, random) => {
    const id = randomUUID();
    const expiresAt = new Date(tx.now.getTime() + (random(3) === 0 ? -1 : 600_000));
    const ownerId = some(storm.people, random) ?? '';
    await placeHold(tx, { ownerId, amount: money(amount(random)), reference: { type: 'BOOKING', id }, purpose: 'PAYMENT', expiresAt });
    tx.afterCommit(() => {
      storm.holds.push(id);
    });
    return id;
  },
  capturePart: (tx, storm, random) =>
    onSomeHold(tx, storm, random, (hold) => {
      const left = heldMinor(hold);
      const takeMinor = left > 1n ? 1n + BigInt(random(Number(left))) : 1n;
      return captureHold(tx, hold, income(takeMinor, hold.id));
    }),
  settle: (tx, storm, random) => onSomeHold(tx, storm, random, (hold) => settleHold(tx, hold, income(amount(random), hold.id))),
  void: (tx, storm, random) => onSomeHold(tx, storm, random, (hold) => voidHold(tx, hold)),
  expire: (tx, storm, random) => onSomeHold(tx, storm, random, (hold) => expireHold(tx, hold)),
  revert: async (tx, storm, random) => {
    const ids = Array.from({ length: 1 + random(2) }, () => some(storm.posted, random)).filter((id) => id !== undefined);
    if (ids.length === 0) return randomUUID();
    const posted = await revertBatch(tx, ids, 'storm');
    return posted[0]?.transactionId ?? '';
  },
  look: async (tx, storm, random) => {
    await balanceAt(tx.orm, accountIdOf(walletOf(some(storm.people, random) ?? '')), new Date(tx.now.getTime() - random(1_000)), 'EFFECTIVE');
    return randomUUID();
  },
};

const EXPECTED = new Set(['OK', 'INSUFFICIENT_FUNDS', 'HOLD_NOT_ACTIVE', 'ABOVE_HOLD', 'ALREADY_REVERTED', 'NOT_FOUND']);

test.each([1, 20_261_120])(
  'PL-03: %i: 20 workers, 50 accounts, 500 operations of all kinds: books hold, and every answer can be had again',
  async (seed) => {
    const storm: Storm = { people: Array.from({ length: ACCOUNTS }, () => randomUUID()), holds: [], posted: [] };
    /** What each key was answered: an id, or the code of a refusal. */
    const answers: { key: string; answer: string }[] = [];
    const kinds = Object.keys(OPERATION);
    const run = (key: string, operation: Operation, random: (below: number) => number) =>
      desk.run(async (tx) => (await once(tx, { mutation: 'storm', key, input: key }, () => operation(tx, storm, random))).entityId);
    const outcomes: string[] = [];
    await Promise.all(
      Array.from({ length: WORKERS }, async (_, worker) => {
        const random = randomFrom(seed * 1_000 + worker);
        for (let n = 0; n < OPERATIONS / WORKERS; n += 1) {
          const operation = OPERATION[n === 0 ? 'fund' : (some(kinds, random) ?? '')];
          if (!operation) throw new Error('no operation');
          const key = `${seed}:${worker}:${n}`;
          try {
            answers.push({ key, answer: await run(key, operation, random) });
            outcomes.push('OK');
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            outcomes.push(error.code);
            if (error.code !== 'NOT_FOUND') answers.push({ key, answer: error.code });
          }
        }
      }),
    );
    expect(outcomes).toHaveLength(OPERATIONS);
    expect(Object.keys(tally(outcomes)).filter((code) => !EXPECTED.has(code))).toEqual([]);
    expect(tally(outcomes).OK).toBeGreaterThan(OPERATIONS / 4);

    const again = await Promise.all(
      answers.map(({ key }) =>
        run(
          key,
          () => Promise.reject(new Error('done twice')),
          () => 0,
        ).catch((error: Refusal) => error.code),
      ),
    );
    expect(again).toEqual(answers.map(({ answer }) => answer));
    expect(answers.some(({ answer }) => answer === 'INSUFFICIENT_FUNDS')).toBe(true);
    expect((await verifyLedger(t.owner)).damage).toEqual([]);
    const broken = await desk.run((tx) => brokenInvariants(tx, true));
    // Here the ledger is used without any payment: what lies on RECEIVABLE is nobody's payment's.
    expect(broken.filter(({ kind }) => kind !== 'HOLD_OVERDUE' && kind !== 'RECEIVABLE_MISMATCH')).toEqual([]);
    expect((await t.owner`select 1 from accounts where type in ('CUSTOMER_WALLET', 'HELD_FUNDS') and balance_minor < 0`).length).toBe(0);
    expect((await t.owner`select 1 from accounts where type = 'DRIVER_WALLET' and balance_minor < ${(-DEBT_LIMIT).toString()}`).length).toBe(0);
  },
  120_000,
);

test('PL-08: ten cancellations of one paid booking at once: one refund; ten withdrawals of one balance: one is taken', async () => {
  const g = given(t);
  const customer = await g.withMoney(user('CUSTOMER'), '100.00');
  const id = await g.heldBooking(customer, 80_00);
  await g.booking('booking.confirmed', id, { totalMinor: '8000' });
  const close = () => desk.codeOf(desk.run((tx) => closePayment(tx, { type: 'BOOKING', id }, 10_00n)));
  expect(tally(await Promise.all(Array.from({ length: 10 }, close)))).toEqual({ OK: 10 });
  expect((await t.owner`select 1 from transactions where reference_id = ${id} and kind = 'REFUND'`).length).toBe(1);
  expect(await g.wallet(customer, customer.id)).toMatchObject({ balance: { amount: '90.00' } });
  const driver = await g.withMoney(user('DRIVER'), '50.00', 'driver');
  const withdraw = () =>
    t.run(driver, 'mutation($i: RequestWithdrawalInput!) { requestWithdrawal(input: $i) { id } }', {
      i: { amount: { amount: '50.00', currency: 'EGP' }, method: 'BANK', accountNumber: '12345678', idempotencyKey: randomUUID() },
    });
  const codes = (await Promise.all(Array.from({ length: 10 }, withdraw))).map((answer) => answer.codes[0] ?? 'OK');
  expect(tally(codes)).toEqual({ OK: 1, INSUFFICIENT_FUNDS: 9 });
});
