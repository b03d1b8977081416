import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Refusal } from '../../platform/errors.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { openDesk } from './desk.given.js';
import { type AccountRef, accountIdOf, applyPosting, type EntryFacts, ownedAccount, type Posting, recordingTime, systemAccount } from './ledger.js';
import { lockAccounts, openAccounts } from './accountCommands.js';
import { post } from './ledgerCommands.js';
import { verifyLedger } from './ledgerVerification.js';
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
