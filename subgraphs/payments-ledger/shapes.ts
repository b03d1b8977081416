import { moneyType } from '../../platform/graphqlTypes.js';
import { publicId } from '../../platform/ids.js';
import { type DepositGateway } from './context.js';
import type { AccountTotal as AccountTotalView } from './controlQueries.js';
import { AccountTotal, FraudFlag } from './controlTypes.js';
import type { FraudFlagRow } from './fraud.js';
import type { DiscrepancyRow } from './reconciliation.js';
import type { TransactionView } from './ledgerQueries.js';
import { LedgerEntry, LedgerTransaction } from './ledgerTypes.js';
import type { DepositRow } from './deposit.js';
import { referenceId } from './invariants.js';
import { type AccountType, entryIdOf, normalBalance } from './ledger.js';
import { owedMinor, type PaymentRow } from './payment.js';
import type { EntryView, ReconciliationRow, WalletView } from './queries.js';
import { Deposit, Discrepancy, Reconciliation, Withdrawal } from './transferTypes.js';
import type { GatewayCallRow } from './gatewayCalls.js';
import { CardRefund, Payment, User, Wallet, WalletEntry } from './types.js';
import type { WithdrawalRow } from './withdrawal.js';

const identified = (prefix: string, uuid: string) => {
  const id = publicId(prefix, uuid);
  return { id, ref: id };
};

export function toWallet(view: WalletView): Wallet {
  const { currency, availableMinor, heldMinor, owedMinor: owed, creditMinor } = view;
  return Object.assign(new Wallet(), {
    ...identified('wal', view.id),
    balance: moneyType({ amountMinor: availableMinor + heldMinor, currency }),
    available: moneyType({ amountMinor: availableMinor, currency }),
    creditLimit: moneyType({ amountMinor: creditMinor, currency }),
    commissionOwed: moneyType({ amountMinor: owed, currency }),
    accountId: view.id,
    entryCount: view.entryCount,
  });
}

export function toWalletEntry(view: EntryView): WalletEntry {
  return Object.assign(new WalletEntry(), {
    id: publicId('ent', entryIdOf(view.accountId, view.number)),
    number: Number(view.number),
    kind: view.kind,
    amount: moneyType(view),
    balanceAfter: moneyType({ amountMinor: view.balanceAfterMinor, currency: view.currency }),
    reference: referenceId(view.referenceType, view.referenceId),
    createdAt: view.recordedAt,
  });
}

export function toPayment(row: PaymentRow): Payment {
  const { currency } = row;
  return Object.assign(new Payment(), {
    ...identified('pay', row.id),
    status: row.status,
    method: row.method,
    amount: moneyType(row),
    captured: moneyType({ amountMinor: row.capturedMinor, currency }),
    refunded: moneyType({ amountMinor: row.refundedMinor, currency }),
    owed: moneyType({ amountMinor: owedMinor(row), currency }),
    failureCode: row.failureCode,
  });
}

/** A refund that a card company was asked for: the call itself is the record of it. */
export function toCardRefund({ status, amountMinor, currency, lastProblem, createdAt }: GatewayCallRow): CardRefund {
  const refused = status === 'ANSWERED' && lastProblem !== null;
  return Object.assign(new CardRefund(), {
    status: status === 'OPEN' ? 'PENDING' : refused ? 'REFUSED' : 'DONE',
    amount: moneyType({ amountMinor, currency }),
    problem: refused ? lastProblem : null,
    requestedAt: createdAt,
  });
}

export function toDeposit(row: DepositRow, { gateway }: DepositGateway): Deposit {
  const ids = identified('dep', row.id);
  return Object.assign(new Deposit(), {
    ...ids,
    status: row.status,
    amount: moneyType(row),
    paymentUrl: gateway.paymentUrl({ id: ids.id, amount: row }),
    createdAt: row.createdAt,
  });
}

export function toWithdrawal(row: WithdrawalRow): Withdrawal {
  return Object.assign(new Withdrawal(), {
    ...identified('wdr', row.id),
    status: row.status,
    amount: moneyType(row),
    method: row.method,
    accountEnding: row.accountNumber.slice(-4),
    user: Object.assign(new User(), { id: publicId('usr', row.userId) }),
    reason: row.reason,
    payoutReference: row.payoutReference,
    requestedAt: row.requestedAt,
  });
}

export function toReconciliation(row: ReconciliationRow): Reconciliation {
  const { date, ok, createdAt, discrepancies } = row;
  return Object.assign(new Reconciliation(), { date, ok, createdAt, found: discrepancies, ...identified('rec', row.id) });
}

export function toDiscrepancy(row: DiscrepancyRow): Discrepancy {
  const { kind, status, expected, actual, reference, note, foundAt } = row;
  return Object.assign(new Discrepancy(), { id: publicId('dsc', row.id), kind, status, expected, actual, reference, note, foundAt });
}

export function toFraudFlag(row: FraudFlagRow): FraudFlag {
  const { kind, status, evidence, note, raisedAt, decidedAt } = row;
  const user = Object.assign(new User(), { id: publicId('usr', row.userId) });
  return Object.assign(new FraudFlag(), { id: publicId('flg', row.id), kind, status, user, evidence, note, raisedAt, decidedAt });
}

export function toAccountTotal(total: AccountTotalView): AccountTotal {
  const { type, currency, accounts, balanceMinor } = total;
  const balance = moneyType({ amountMinor: normalBalance(type as AccountType, balanceMinor), currency });
  return Object.assign(new AccountTotal(), { type, accounts, balance, signed: moneyType({ amountMinor: balanceMinor, currency }) });
}

export function toLedgerTransaction(view: TransactionView): LedgerTransaction {
  const { kind, effectiveAt, recordedAt, metadata } = view;
  return Object.assign(new LedgerTransaction(), {
    id: publicId('txn', view.id),
    kind,
    effectiveAt,
    recordedAt,
    reference: referenceId(view.referenceType, view.referenceId),
    reverts: view.reverses && publicId('txn', view.reverses),
    revertedBy: view.revertedBy && publicId('txn', view.revertedBy),
    reason: metadata.reason ?? null,
    entries: view.entries.map(toLedgerEntry),
  });
}

export function toLedgerEntry(entry: { type: string; ownerId: string | null; currency: string; amountMinor: bigint; balanceAfterMinor: bigint }): LedgerEntry {
  const { type, ownerId, currency, amountMinor, balanceAfterMinor } = entry;
  return Object.assign(new LedgerEntry(), {
    accountType: type,
    owner: ownerId && Object.assign(new User(), { id: publicId('usr', ownerId) }),
    amount: moneyType({ amountMinor, currency }),
    balanceAfter: moneyType({ amountMinor: balanceAfterMinor, currency }),
  });
}
