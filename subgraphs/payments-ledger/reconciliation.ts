import { formatAmount, type Money } from '../../platform/money.js';
import type { SettledOrder } from './adapters/gatewayPort.js';
import type { discrepancies } from './controlTables.js';

/** What reconciliation and the running check of invariants look for (PL-20, PF-02b). */
export const DISCREPANCY_KINDS = [
  'LEDGER_UNBALANCED',
  'BALANCE_MISMATCH',
  'HOLDS_MISMATCH',
  'CHAIN_BROKEN',
  'TRIP_NOT_SETTLED',
  'BOOKING_NOT_PAID',
  'CANCELLED_WITH_MONEY',
  'HOLD_OVERDUE',
  'GATEWAY_CALL_OVERDUE',
  'REFUND_REFUSED',
  'SETTLEMENT_AMOUNT',
  'RECEIVABLE_MISMATCH',
  'WEBHOOK_UNKNOWN_ORDER',
  'DEPOSIT_NOT_POSTED',
  'PAYOUT_NOT_POSTED',
  'DEPOSIT_NOT_CREDITED',
  'DEPOSIT_NOT_SETTLED',
  'DEPOSIT_AMOUNT',
  'SETTLEMENT_UNAVAILABLE',
] as const;
export type DiscrepancyKind = (typeof DISCREPANCY_KINDS)[number];

export const DISCREPANCY_STATUSES = ['OPEN', 'RESOLVED'] as const;
export type DiscrepancyStatus = (typeof DISCREPANCY_STATUSES)[number];
export type DiscrepancyRow = typeof discrepancies.$inferSelect;

export interface Discrepancy {
  kind: DiscrepancyKind;
  expected: string;
  actual: string;
  /** A public id where there is one. */
  reference: string;
}

/** A deposit as reconciliation sees it. `orderId` is its public id. */
export interface ReconciledDeposit {
  orderId: string;
  status: string;
  amount: Money;
  settledAt: Date | null;
}

export interface DayRange {
  from: Date;
  to: Date;
}

const words = (amount: Money) => `${formatAmount(amount)} ${amount.currency}`;
const within = (at: Date, range: DayRange) => at >= range.from && at < range.to;

/**
 * Holds our deposits of a day against what the gateway says was paid. Each side may know of something a little earlier than the other, so both
 * are given with a margin around the day, and what is younger than `matureBefore` is in flight.
 */
export function compareSettlement(settled: readonly SettledOrder[], deposits: readonly ReconciledDeposit[], day: DayRange, matureBefore: Date): Discrepancy[] {
  const ours = new Map(deposits.map((deposit) => [deposit.orderId, deposit]));
  const theirs = new Map(settled.map((order) => [order.orderId, order]));
  const found: Discrepancy[] = [];
  for (const { orderId, amount, paidAt } of settled) {
    if (!within(paidAt, day) || paidAt >= matureBefore) continue;
    const deposit = ours.get(orderId);
    // One that an admin took back was credited, and the books say why it is not any more.
    if (deposit?.status === 'COMPLETED' || deposit?.status === 'REVERSED') continue;
    found.push({ kind: 'DEPOSIT_NOT_CREDITED', expected: words(amount), actual: deposit?.status ?? 'no such deposit', reference: orderId });
  }
  for (const { orderId, status, amount, settledAt } of deposits) {
    if (status !== 'COMPLETED' || !settledAt || !within(settledAt, day) || settledAt >= matureBefore) continue;
    const order = theirs.get(orderId);
    if (!order) found.push({ kind: 'DEPOSIT_NOT_SETTLED', expected: 'paid at the gateway', actual: words(amount), reference: orderId });
    else if (words(order.amount) !== words(amount))
      found.push({ kind: 'DEPOSIT_AMOUNT', expected: words(order.amount), actual: words(amount), reference: orderId });
  }
  return found;
}
