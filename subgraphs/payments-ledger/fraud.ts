import { formatAmount, type Money, money } from '../../platform/money.js';
import type { fraudFlags } from './controlTables.js';

export const FRAUD_KINDS = ['HIGH_VELOCITY', 'UNUSUAL_AMOUNT', 'RAPID_WITHDRAWAL', 'REPEATED_FAILURES', 'CIRCULAR_TRIPS'] as const;
export type FraudKind = (typeof FRAUD_KINDS)[number];
export const FRAUD_STATUSES = ['OPEN', 'CLEARED', 'CONFIRMED'] as const;
export type FraudStatus = (typeof FRAUD_STATUSES)[number];
export type FraudFlagRow = typeof fraudFlags.$inferSelect;

/** PL-21's limits. A person's own doings count: deposits, withdrawals and payments as payer; not what others pay them. */
const MAX_TRANSACTIONS_PER_HOUR = 10;
const UNUSUAL_TIMES_AVERAGE = 10n;
/** Below so many amounts there is no average to speak of. */
export const MIN_HISTORY = 5;
const RAPID_SHARE_PERCENT = 90n;
const MAX_FAILURES_PER_DAY = 4;

/** What the rules look at. Amounts in minor units of one currency. */
export interface Activity {
  currency: string;
  transactionsLastHour: number;
  /** The amount that is judged: of the last week's, the one that sticks out most. Money that has not come is none. */
  latestMinor: bigint;
  /** Number and sum of the amounts before it. */
  earlierCount: number;
  earlierSumMinor: bigint;
  depositedLastDayMinor: bigint;
  withdrawnLastDayMinor: bigint;
  failedPaymentsLastDay: number;
  /** Trips of the last week whose rider drove their driver on another. */
  circularTripsLastWeek: number;
}

export interface Suspicion {
  kind: FraudKind;
  evidence: string;
}

/** What of a person's activity is out of the ordinary. None of it proves anything: a person looks before money leaves. */
export function suspicions(activity: Activity): Suspicion[] {
  const { currency, earlierCount, earlierSumMinor, latestMinor, depositedLastDayMinor, withdrawnLastDayMinor } = activity;
  const words = (amountMinor: bigint) => inWords(money(amountMinor, currency));
  const found: Suspicion[] = [];
  if (activity.transactionsLastHour > MAX_TRANSACTIONS_PER_HOUR) {
    found.push({ kind: 'HIGH_VELOCITY', evidence: `${activity.transactionsLastHour} transactions in an hour` });
  }
  // latest > 10 × sum / count, without a division.
  if (earlierCount >= MIN_HISTORY && latestMinor * BigInt(earlierCount) > UNUSUAL_TIMES_AVERAGE * earlierSumMinor) {
    found.push({ kind: 'UNUSUAL_AMOUNT', evidence: `${words(latestMinor)} after an average of ${words(earlierSumMinor / BigInt(earlierCount))}` });
  }
  if (depositedLastDayMinor > 0n && withdrawnLastDayMinor * 100n > depositedLastDayMinor * RAPID_SHARE_PERCENT) {
    found.push({ kind: 'RAPID_WITHDRAWAL', evidence: `${words(withdrawnLastDayMinor)} out within a day of ${words(depositedLastDayMinor)} in` });
  }
  if (activity.failedPaymentsLastDay > MAX_FAILURES_PER_DAY) {
    found.push({ kind: 'REPEATED_FAILURES', evidence: `${activity.failedPaymentsLastDay} payments failed in a day` });
  }
  if (activity.circularTripsLastWeek > 0) {
    found.push({ kind: 'CIRCULAR_TRIPS', evidence: `${activity.circularTripsLastWeek} trips with somebody who drove them in turn` });
  }
  return found;
}

function inWords(amount: Money): string {
  return `${formatAmount(amount)} ${amount.currency}`;
}
