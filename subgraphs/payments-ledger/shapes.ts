import { moneyType } from '../../platform/graphqlTypes.js';
import { publicId } from '../../platform/ids.js';
import { type DepositGateway } from './context.js';
import type { DepositRow } from './deposit.js';
import { referenceId } from './invariants.js';
import { entryIdOf } from './ledger.js';
import type { PaymentRow } from './payment.js';
import type { EntryView, ReconciliationRow, WalletView } from './queries.js';
import { Deposit, Reconciliation, Withdrawal } from './transferTypes.js';
import { Payment, User, Wallet, WalletEntry } from './types.js';
import type { WithdrawalRow } from './withdrawal.js';

const identified = (prefix: string, uuid: string) => {
  const id = publicId(prefix, uuid);
  return { id, ref: id };
};

export function toWallet(view: WalletView): Wallet {
  const { currency, availableMinor, heldMinor } = view;
  return Object.assign(new Wallet(), {
    ...identified('wal', view.id),
    balance: moneyType({ amountMinor: availableMinor + heldMinor, currency }),
    available: moneyType({ amountMinor: availableMinor, currency }),
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
    failureCode: row.failureCode,
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
    requestedAt: row.requestedAt,
  });
}

export function toReconciliation(row: ReconciliationRow): Reconciliation {
  return Object.assign(new Reconciliation(), { ...row, ...identified('rec', row.id) });
}
