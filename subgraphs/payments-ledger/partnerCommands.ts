import { eq } from 'drizzle-orm';
import { Refusal, sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { DEFAULT_CURRENCY, type Money } from '../../platform/money.js';
import { type AccountRef, accountIdOf, ownedAccount, systemAccount } from './ledger.js';
import { lockAccounts, openAccounts } from './accountCommands.js';
import type { LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';
import { accounts } from './ledgerTables.js';
import { walletAccount } from './wallets.js';

/** $1: account, $2: credit in minor units. */
const SET_CREDIT = 'select ledger_set_partner_credit($1::uuid, $2::bigint) as done';

/**
 * Opens the wallet that a partner pays its guests' bookings and trips from (ID-05b), and sets how far it may go below zero; doing it again only sets that.
 * Money of a customer's wallet of the same person moves over: a person has one wallet.
 * @throws Refusal VALIDATION_ERROR for credit below zero; CONFLICT for a driver, who has a driver's wallet; CREDIT_IN_USE for less credit than is used already
 */
export async function openPartnerWallet(tx: LedgerTx, partnerId: string, creditMinor: bigint): Promise<void> {
  if (creditMinor < 0n) {
    throw new Refusal('VALIDATION_ERROR', 'input.creditLimit.amount: must not be below zero.', {
      details: { field: 'input.creditLimit.amount', rule: 'not_negative' },
    });
  }
  const present = await walletAccount(tx, partnerId);
  if (present?.type === 'DRIVER_WALLET') {
    throw new Refusal('CONFLICT', 'This person drives, and has a driver’s wallet. Give the partner an account of its own.', {
      details: { field: 'input.partnerId' },
    });
  }
  const partner = ownedAccount('PARTNER_WALLET', partnerId, DEFAULT_CURRENCY);
  await openAccounts(tx, [partner, ownedAccount('HELD_FUNDS', partnerId, DEFAULT_CURRENCY)]);
  if (present?.type === 'CUSTOMER_WALLET') await moveOver(tx, present, partner);
  await setCredit(tx, accountIdOf(partner), creditMinor);
}

async function moveOver(tx: LedgerTx, from: AccountRef, to: AccountRef): Promise<void> {
  const old = (await lockAccounts(tx, [from, to].map(accountIdOf))).get(accountIdOf(from));
  if (!old || old.closed) return;
  if (old.balanceMinor > 0n) {
    await post(tx, {
      key: `wallet-merge:${old.id}:partner`,
      kind: 'WALLET_MERGE',
      reference: { type: 'USER', id: from.ownerId ?? '' },
      entries: [
        { account: from, amountMinor: -old.balanceMinor },
        { account: to, amountMinor: old.balanceMinor },
      ],
    });
  }
  await tx.orm.update(accounts).set({ closedAt: tx.now, updatedAt: tx.now }).where(eq(accounts.id, old.id));
}

async function setCredit(tx: LedgerTx, accountId: string, creditMinor: bigint): Promise<void> {
  try {
    const rows = await tx.prepared<{ done: boolean }>(SET_CREDIT, [accountId, creditMinor.toString()]);
    if (!rows[0]?.done) throw new Error(`account ${accountId} is no partner's wallet`);
  } catch (error) {
    if (sqlState(error) !== '23514') throw error;
    throw new Refusal('CREDIT_IN_USE', 'The partner has used more credit than that already. Choose more, or wait until it has paid.', {
      details: { field: 'input.creditLimit', rule: 'in_use' },
    });
  }
}

/**
 * Records money that a partner paid outside of the gateway, such as a bank transfer: it is in the wallet at once. Returns the transaction's UUID.
 * @throws Refusal NO_PARTNER_WALLET when it has none
 */
export async function fundPartnerWallet(tx: LedgerTx, funding: { partnerId: string; amount: Money; reason: string }): Promise<string> {
  const { partnerId, amount, reason } = funding;
  const wallet = await walletAccount(tx, partnerId, amount.currency);
  if (wallet?.type !== 'PARTNER_WALLET') {
    throw new Refusal('NO_PARTNER_WALLET', 'This partner has no wallet yet. Open one with `openPartnerWallet` first.', {
      details: { field: 'input.partnerId' },
    });
  }
  const id = newUuid(tx.now);
  const { transactionId } = await post(tx, {
    key: `partner-funding:${id}`,
    kind: 'DEPOSIT',
    reference: { type: 'USER', id: partnerId },
    entries: [
      { account: systemAccount('CASH_FLOAT', amount.currency, id), amountMinor: -amount.amountMinor },
      { account: wallet, amountMinor: amount.amountMinor },
    ],
    metadata: { reason },
  });
  return transactionId;
}
