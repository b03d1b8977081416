import type { DeliveryFailure, mailDeliveries } from './tables.js';

export const DELIVERY_STATUSES = ['PENDING', 'SENT', 'DELIVERED', 'BOUNCED', 'COMPLAINED', 'DEAD', 'SKIPPED', 'DISCARDED'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];
export type DeliveryRow = typeof mailDeliveries.$inferSelect;

/** How calls are repeated. */
export interface RetryPolicy {
  /** Calls in all, the first included. */
  maxAttempts: number;
  firstRetryMs: number;
  maxRetryMs: number;
  /** How long one attempt may take from its claim to its record; then it counts as lost, and another begins. */
  leaseMs: number;
}

const MAX_FAILURES_KEPT = 20;

/**
 * Pause after the given attempt (from 1): doubles each time up to a limit, and less up to a quarter at random, so that mails that failed together do
 * not come back together. `random` is 0 to 1.
 */
export function retryPauseMs(attempt: number, policy: RetryPolicy, random: number): number {
  const full = Math.min(policy.firstRetryMs * 2 ** Math.min(attempt - 1, 30), policy.maxRetryMs);
  return Math.round(full * (1 - random / 4));
}

export function withFailure(failures: readonly DeliveryFailure[], failure: DeliveryFailure): DeliveryFailure[] {
  return [...failures, failure].slice(-MAX_FAILURES_KEPT);
}

/**
 * The state of a mail after the provider said something about it. Its events come in any order and more than once (IN-01), so each only moves forward:
 * what bounced stays bounced, though `delivered` should arrive afterwards.
 */
export function afterProviderEvent(status: DeliveryStatus, event: string): DeliveryStatus {
  const underWay = status === 'PENDING' || status === 'SENT';
  switch (event) {
    case 'email.sent':
      return status === 'PENDING' ? 'SENT' : status;
    case 'email.delivered':
    case 'email.opened':
    case 'email.clicked':
      return underWay ? 'DELIVERED' : status;
    case 'email.bounced':
      return underWay || status === 'DELIVERED' ? 'BOUNCED' : status;
    case 'email.complained':
      return underWay || status === 'DELIVERED' ? 'COMPLAINED' : status;
    case 'email.failed':
    case 'email.suppressed':
      return underWay ? 'DEAD' : status;
    default:
      return status;
  }
}

/** Whether a bounce says that the address will never work. The provider's `Transient` and `Undetermined` may pass; without a word it is final. */
export function isHardBounce(bounceType: string | null | undefined): boolean {
  return !bounceType || bounceType.toLowerCase() === 'permanent';
}
