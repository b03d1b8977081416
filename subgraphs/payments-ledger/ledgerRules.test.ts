import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type AccountState, accountIdOf, applyPosting, brokenLink, GENESIS_HASH, normalBalance, ownedAccount, type Posting, systemAccount } from './ledger.js';

const gateway = (currency: string, by: string) => systemAccount('GATEWAY_CLEARING', currency, by);
const walletOf = (owner: string, currency = 'EGP') => ownedAccount('CUSTOMER_WALLET', owner, currency);

const stateOf = (ref: Parameters<typeof accountIdOf>[0], more: Partial<AccountState> = {}): AccountState => ({
  ...ref,
  id: accountIdOf(ref),
  balanceMinor: 0n,
  minBalanceMinor: null,
  entryCount: 0n,
  lastHash: GENESIS_HASH,
  changedAt: new Date(0),
  closed: false,
  ...more,
});
const posting = (entries: Posting['entries']): Posting => ({ key: 'k', kind: 'DEPOSIT', reference: { type: 'USER', id: randomUUID() }, entries });
const apply = (states: AccountState[], entries: Posting['entries']) =>
  applyPosting(new Map(states.map((state) => [state.id, state])), posting(entries), { id: randomUUID(), recordedAt: new Date() });

test('PL-01: a posting that does not balance, per currency, is no posting', () => {
  const owner = randomUUID();
  const states = [stateOf(walletOf(owner)), stateOf(gateway('EGP', 'x')), stateOf(walletOf(owner, 'USD'))];
  expect(() => apply(states, [{ account: walletOf(owner), amountMinor: 5n }])).toThrow('moves nothing');
  expect(() =>
    apply(states, [
      { account: walletOf(owner), amountMinor: 5n },
      { account: gateway('EGP', 'x'), amountMinor: -4n },
    ]),
  ).toThrow('off by 1 EGP');
  expect(() =>
    apply(states, [
      { account: walletOf(owner), amountMinor: 5n },
      { account: walletOf(owner, 'USD'), amountMinor: -5n },
    ]),
  ).toThrow('off by');
});

test('PL-02: normal sides: a wallet reads as it is, what others owe is turned', () => {
  expect(normalBalance('CUSTOMER_WALLET', 5n)).toBe(5n);
  expect(normalBalance('GATEWAY_CLEARING', -5n)).toBe(5n);
});

test('PL-02: floors: the own one, and the higher one of a debit that asks for it; a closed account takes nothing', () => {
  const driver = ownedAccount('DRIVER_WALLET', randomUUID(), 'EGP');
  const revenue = systemAccount('PLATFORM_REVENUE', 'EGP', 'x');
  const states = [stateOf(driver, { minBalanceMinor: -100n }), stateOf(revenue)];
  const take = (amountMinor: bigint, floorMinor?: bigint) => () =>
    apply(states, [
      { account: driver, amountMinor: -amountMinor, floorMinor },
      { account: revenue, amountMinor },
    ]);
  expect(take(100n)).not.toThrow();
  expect(take(101n)).toThrow(expect.objectContaining({ code: 'INSUFFICIENT_FUNDS' }));
  expect(take(1n, 0n)).toThrow(expect.objectContaining({ code: 'INSUFFICIENT_FUNDS' }));
  states[0] = stateOf(driver, { closed: true });
  expect(take(1n)).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
});

test('PL-05, PL-07: any postings leave numbers without gaps and a chain that names a changed entry', () => {
  const owner = randomUUID();
  fc.assert(
    fc.property(fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n }), { minLength: 1, maxLength: 30 }), fc.nat(), (amounts, pick) => {
      const states = new Map([stateOf(walletOf(owner)), stateOf(gateway('EGP', 'x'))].map((state) => [state.id, state]));
      const chain = amounts.flatMap((amountMinor) => {
        const moved = [
          { account: walletOf(owner), amountMinor },
          { account: gateway('EGP', 'x'), amountMinor: -amountMinor },
        ];
        const applied = applyPosting(states, posting(moved), { id: randomUUID(), recordedAt: new Date() });
        for (const account of applied.accounts) states.set(account.id, account);
        return applied.entries.filter((entry) => entry.accountId === accountIdOf(walletOf(owner)));
      });
      const start = { number: 0n, balanceMinor: 0n, hash: GENESIS_HASH };
      expect(brokenLink(chain, start)).toBeNull();
      const changed = chain.map((entry, index) => (index === pick % chain.length ? { ...entry, referenceId: randomUUID() } : entry));
      expect(brokenLink(changed, start)?.entry.number).toBe(BigInt((pick % chain.length) + 1));
    }),
    { numRuns: 50 },
  );
});
