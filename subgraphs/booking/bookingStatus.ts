import { Refusal } from '../../platform/errors.js';

export const BOOKING_STATUSES = ['HELD', 'CONFIRMED', 'ACTIVE', 'COMPLETED', 'CANCELLED', 'EXPIRED', 'NO_SHOW'] as const;
export type BookingStatus = (typeof BOOKING_STATUSES)[number];

/** The life of a booking (BK-02). The database holds the same list in `booking_may_become`, and a test compares the two. */
export const TRANSITIONS: Readonly<Record<BookingStatus, readonly BookingStatus[]>> = {
  HELD: ['CONFIRMED', 'CANCELLED', 'EXPIRED'],
  CONFIRMED: ['ACTIVE', 'CANCELLED', 'NO_SHOW'],
  ACTIVE: ['COMPLETED'],
  COMPLETED: [],
  CANCELLED: [],
  EXPIRED: [],
  NO_SHOW: [],
};

/** Statuses in which a booking keeps its vehicle from others and counts as live: then it has a claim, which the migration's check names the same three for. */
export const BLOCKING_STATUSES = ['HELD', 'CONFIRMED', 'ACTIVE'] as const satisfies readonly BookingStatus[];

/** Whether a booking keeps its vehicle from others in this status. */
export function isBlocking(status: BookingStatus): boolean {
  return (BLOCKING_STATUSES as readonly BookingStatus[]).includes(status);
}

/** Whether nothing can follow any more. */
export function isFinal(status: BookingStatus): boolean {
  return TRANSITIONS[status].length === 0;
}

/** @throws Refusal INVALID_TRANSITION with the present status and what may follow it */
export function assertTransition(from: BookingStatus, to: BookingStatus): void {
  if (TRANSITIONS[from].includes(to)) return;
  throw new Refusal('INVALID_TRANSITION', `This booking is ${from} and cannot become ${to}.`, {
    details: { status: from, wanted: to, allowed: TRANSITIONS[from] },
  });
}
