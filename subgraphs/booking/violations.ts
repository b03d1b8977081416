import type { Violation } from '../../platform/graphqlTypes.js';
import type { Tx } from '../../platform/postgres.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { holdsNotExpired, overlappingBookings, unfittingClaims } from './violationQueries.js';

/** A hold may outlive its end by this: the sweeper looks every second, and tries again when it fails. */
const HOLD_OVERDUE_MS = 60_000;

/** What must never be in this subgraph: its part of `systemHealth` (PF-02b). */
export async function bookingViolations(tx: Tx): Promise<Violation[]> {
  const overlaps = await overlappingBookings(tx.orm);
  const holds = await holdsNotExpired(tx.orm, new Date(tx.now.getTime() - HOLD_OVERDUE_MS));
  const claims = await unfittingClaims(tx.orm);
  return [...overlaps, ...claims, ...holds, ...(await undeliveredEvents(tx))];
}
