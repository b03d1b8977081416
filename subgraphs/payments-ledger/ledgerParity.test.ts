import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../../platform/errors.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { type AccountRef, accountIdOf, applyPosting, type EntryFacts, ownedAccount, type Posting, recordingTime, systemAccount } from './ledger.js';
import { lockAccounts, openAccounts } from './accountCommands.js';
import { doubtfulLinks, type Stretch } from './chainQueries.js';
import { post } from './ledgerCommands.js';
import { verifyLedger } from './ledgerVerification.js';
import { portions } from './reconciliationCommands.js';
import { startPaymentsLedger } from './main.js';
import { servedBy } from './payments.given.js';
import { chainOf } from './queries.js';

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

const people = Array.from({ length: 3 }, () => randomUUID());
const places: AccountRef[] = [
  ...people.map((owner) => ownedAccount('CUSTOMER_WALLET', owner, 'EGP')),
  ...people.map((owner) => ownedAccount('DRIVER_WALLET', owner, 'EGP')),
  systemAccount('GATEWAY_CLEARING', 'EGP', 'parity'),
  systemAccount('PLATFORM_REVENUE', 'EGP', 'parity'),
];
const legs = fc.array(
  fc.record({
    place: fc.nat(places.length - 1),
    amountMinor: fc.bigInt({ min: -700_00n, max: 700_00n }),
    floorMinor: fc.option(fc.bigInt({ min: -10_00n, max: 0n }), { nil: undefined }),
  }),
  { minLength: 1, maxLength: 4 },
);
/** Texts that JSON has to escape: what is hashed is JSON, made in two places. */
const metadata = fc.dictionary(fc.constantFrom('b', 'a', 'é', '"', '\\'), fc.string({ unit: 'grapheme' }), { maxKeys: 3 });

function toPosting(
  moved: readonly { place: number; amountMinor: bigint; floorMinor: bigint | undefined }[],
  facts: Record<string, string>,
  past: boolean,
): Posting {
  const entries = moved.map(({ place, amountMinor, floorMinor }) => ({ account: places[place] as AccountRef, amountMinor, floorMinor }));
  const sum = moved.reduce((total, { amountMinor }) => total + amountMinor, 0n);
  return {
    key: randomUUID(),
    kind: 'DEPOSIT',
    reference: { type: 'USER', id: people[0] ?? '' },
    entries: [...entries, { account: systemAccount('GATEWAY_CLEARING', 'EGP', 'rest'), amountMinor: -sum }],
    metadata: facts,
    ...(past && { effectiveAt: new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 7)) }),
  };
}

const plain = ({ recordedAt, effectiveAt, previousHash, hash, ...entry }: EntryFacts) => ({
  ...entry,
  recordedAt: recordedAt.toISOString(),
  effectiveAt: effectiveAt.toISOString(),
  previousHash: previousHash.toString('hex'),
  hash: hash.toString('hex'),
});

test('PL-06, PL-08c: what `ledger_post` writes or refuses is what the rules say, entry by entry and hash by hash', { timeout: 120_000 }, async () => {
  await desk.run((tx) => openAccounts(tx, [...places, systemAccount('GATEWAY_CLEARING', 'EGP', 'rest')]));
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(legs, metadata, fc.boolean(), async (moved, facts, past) => {
      const posting = toPosting(moved, facts, past);
      if (posting.entries.filter((entry) => entry.amountMinor !== 0n).length < 2) return;
      await desk.run(async (tx) => {
        const ids = [...new Set(posting.entries.map((entry) => accountIdOf(entry.account)))];
        const before = await lockAccounts(tx, ids);
        const cause = { ...tx.cause, actor: 'system:test' };
        const foretold = (id: string) => applyPosting(before, posting, { id, recordedAt: recordingTime(before.values(), tx.now), cause }).entries;
        let transactionId: string;
        try {
          ({ transactionId } = await post(tx, posting));
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          outcomes.add(error.code);
          expect(() => foretold(randomUUID())).toThrow(expect.objectContaining({ code: error.code }));
          return;
        }
        outcomes.add('POSTED');
        const expected = foretold(transactionId);
        const written: EntryFacts[] = [];
        for (const id of ids) written.push(...(await chainOf(tx, id, before.get(id)?.entryCount ?? 0n, 10)));
        const sorted = (entries: readonly EntryFacts[]) =>
          entries.map(plain).sort((a, b) => (`${a.accountId}${a.number}` < `${b.accountId}${b.number}` ? -1 : 1));
        expect(sorted(written)).toEqual(sorted(expected));
      });
    }),
    { numRuns: 150 },
  );
  expect([...outcomes].sort()).toEqual(['INSUFFICIENT_FUNDS', 'POSTED']);
  expect((await verifyLedger(t.owner)).damage).toEqual([]);
});

const tamper = (statement: string) =>
  t.owner.begin(async (sql) => {
    await sql`set local session_replication_role = replica`;
    await sql.unsafe(statement);
  });

test('PL-07, PL-20: the database doubts no entry that the rules let stand, and every one that was changed', async () => {
  const owner = randomUUID();
  const strange = { '"': 'quoted \\ \n\t\u0001', é: '😀 / <>', b: '', a: 'x' };
  const from = ownedAccount('CUSTOMER_WALLET', owner, 'EGP');
  const other = systemAccount('GATEWAY_CLEARING', 'EGP', 'doubt');
  await desk.run((tx) => openAccounts(tx, [from, other]));
  const reference = { type: 'USER' as const, id: owner };
  const pay = (amountMinor: bigint, more: Partial<Posting> = {}) =>
    desk.run((tx) =>
      post(tx, {
        ...{ key: randomUUID(), kind: 'DEPOSIT', reference, metadata: strange, ...more },
        entries: [
          { account: other, amountMinor: -amountMinor },
          { account: from, amountMinor },
        ],
      }),
    );
  const { transactionId } = await pay(100n);
  await pay(7n, { metadata: {}, effectiveAt: new Date(Date.UTC(2026, 1, 3, 4, 5, 6, 7)) });
  await pay(-100n, { kind: 'REVERSAL', reverses: transactionId });
  await pay(5n);
  const id = accountIdOf(from);
  const rows = await t.owner`select id, entry_count from accounts where entry_count > 0`;
  const all = rows.map((row): Stretch => ({ accountId: row.id, first: 1n, last: BigInt(row.entry_count) }));
  const doubted = (stretches: readonly Stretch[] = all) => desk.run((tx) => doubtfulLinks(tx, stretches));
  expect(all.length).toBeGreaterThan(3);
  expect(await doubted()).toEqual([]);
  expect(await doubted([{ accountId: id, first: 3n, last: 4n }])).toEqual([]);
  const entry = `where account_id = '${id}' and number`;
  const told = `where id = (select transaction_id from entries ${entry} = 3)`;
  const [kept] = await t.owner`select hash, previous_hash, effective_at, recorded_at from entries where account_id = ${id} and number = 3`;
  const bytes = (value: Buffer) => `'\\x${value.toString('hex')}'`;
  // Each change, what takes it back, and the entry from which on the wallet is doubted.
  for (const [change, back, first] of [
    [`update entries set hash = sha256(hash) ${entry} = 3`, `update entries set hash = ${bytes(kept?.hash)} ${entry} = 3`, 3n],
    [`update entries set previous_hash = sha256(hash) ${entry} = 3`, `update entries set previous_hash = ${bytes(kept?.previous_hash)} ${entry} = 3`, 3n],
    [`update entries set amount_minor = amount_minor - 1 ${entry} = 3`, `update entries set amount_minor = amount_minor + 1 ${entry} = 3`, 3n],
    [`update entries set balance_after_minor = 1 ${entry} = 3`, `update entries set balance_after_minor = 7 ${entry} = 3`, 3n],
    [`update entries set currency = 'USD' ${entry} = 3`, `update entries set currency = 'EGP' ${entry} = 3`, 3n],
    [`update entries set number = 9 ${entry} = 2`, `update entries set number = 2 ${entry} = 9`, 3n],
    [`update entries set effective_at = now() ${entry} = 3`, `update entries set effective_at = '${kept?.effective_at.toISOString()}' ${entry} = 3`, 3n],
    [`update entries set recorded_at = now() ${entry} = 3`, `update entries set recorded_at = '${kept?.recorded_at.toISOString()}' ${entry} = 3`, 3n],
    [`update transactions set metadata = metadata - 'a' ${told}`, `update transactions set metadata = metadata || '{"a":"x"}' ${told}`, 3n],
    [`update transactions set cause = cause || '{"x":"y"}' ${told}`, `update transactions set cause = cause - 'x' ${told}`, 3n],
    [`update transactions set kind = 'REFUND' ${told}`, `update transactions set kind = 'REVERSAL' ${told}`, 3n],
    [`update transactions set reference_type = 'TRIP' ${told}`, `update transactions set reference_type = 'USER' ${told}`, 3n],
    [`update transactions set reference_id = '${id}' ${told}`, `update transactions set reference_id = '${owner}' ${told}`, 3n],
    [`update transactions set posting_key = posting_key || '!' ${told}`, `update transactions set posting_key = left(posting_key, -1) ${told}`, 3n],
    [`update transactions set reverses = null ${told}`, `update transactions set reverses = '${transactionId}' ${told}`, 3n],
  ] as const) {
    await tamper(change);
    const found = await doubted();
    expect({ change, found: found.find(({ accountId }) => accountId === id)?.first }).toEqual({ change, found: first });
    expect(await doubted([{ accountId: id, first: 1n, last: 1n }])).toEqual([]);
    await tamper(back);
    expect({ back, found: await doubted() }).toEqual({ back, found: [] });
  }
});

test('PL-20: a portion holds no more entries than asked for, no account twice, and all of them hold every entry once', () => {
  const stretch = fc.record({ first: fc.bigInt({ min: 1n, max: 50n }), length: fc.bigInt({ min: 1n, max: 40n }) });
  fc.assert(
    fc.property(fc.array(stretch, { maxLength: 8 }), fc.bigInt({ min: 1n, max: 30n }), (chains, each) => {
      const stretches = chains.map(({ first, length }, n): Stretch => ({ accountId: String(n), first, last: first + length - 1n }));
      const made = [...portions(stretches, each)];
      const numbers = (of: readonly Stretch[]) =>
        of.flatMap(({ accountId, first, last }) => Array.from({ length: Number(last - first) + 1 }, (_, n) => `${accountId} ${first + BigInt(n)}`));
      for (const [n, portion] of made.entries()) {
        const count = numbers(portion).length;
        expect(n < made.length - 1 ? count : Math.min(count, Number(each))).toBe(n < made.length - 1 ? Number(each) : count);
        expect(new Set(portion.map(({ accountId }) => accountId)).size).toBe(portion.length);
      }
      expect(made.flatMap(numbers)).toEqual(numbers(stretches));
    }),
  );
});

test('PL-06, ID-08: `ledger_post` as the service moves nobody else’s money, and nobody may call it but the service', async () => {
  const [owner, thief] = [randomUUID(), randomUUID()];
  await desk.fund(owner, 100n, randomUUID());
  const [from, to] = [ownedAccount('CUSTOMER_WALLET', owner, 'EGP'), ownedAccount('CUSTOMER_WALLET', thief, 'EGP')];
  await desk.run((tx) => openAccounts(tx, [to]));
  const call = (actor: string, roles: string, ids: readonly string[]) =>
    t.asService.begin(async (sql) => {
      await sql`select set_config('waygraph.actor_id', ${actor}, true), set_config('waygraph.actor_roles', ${roles}, true)`;
      const [row] =
        await sql.unsafe(`select ledger_post(gen_random_uuid(), gen_random_uuid()::text, 'DEPOSIT', 'USER', '${owner}', '{}', '{}', null, now(), null,
        '{${ids.join(',')}}', '{EGP,EGP}', '{-5,5}', array[null, null]::bigint[], '{}', '""') as outcome`);
      return row?.outcome as string;
    });
  const ids = [accountIdOf(from), accountIdOf(to)];
  for (const roles of ['CUSTOMER', 'DRIVER,PARTNER', 'SUPPORT', '']) expect(await call(thief, roles, ids)).toBe('MISSING');
  expect(await call('', '', ids)).toBe('MISSING');
  // One's own money cannot be sent to others this way either.
  expect(await call(owner, 'CUSTOMER', ids)).toBe('MISSING');
  const [rights] = await t.owner`select has_function_privilege('public', p.oid, 'execute') as anybody from pg_proc p where proname = 'ledger_post'`;
  expect(rights?.anybody).toBe(false);
  expect((await t.owner`select balance_minor from accounts where id = ${ids[0] ?? ''}`)[0]?.balance_minor).toBe('100');
});
