import type { Violation } from '../../platform/graphqlTypes.js';
import type { Tx } from '../../platform/postgres.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { freeCarsOnRentals, holdsNotExpired, overlappingBookings, unfittingClaims, untoldElsewhere } from './violationQueries.js';

/** What a timer should have done may be this late: the sweeper looks every second, and tries again when it fails. */
const TIMER_LATE_MS = 60_000;

/** What must never be in this subgraph: its part of `systemHealth` (PF-02b). */
export async function bookingViolations(tx: Tx): Promise<Violation[]> {
  const due = new Date(tx.now.getTime() - TIMER_LATE_MS);
  const overlaps = await overlappingBookings(tx.orm);
  const claims = await unfittingClaims(tx.orm);
  const free = await freeCarsOnRentals(tx.orm, due);
  const holds = await holdsNotExpired(tx.orm, due);
  const elsewhere = await untoldElsewhere(tx.orm, due);
  return [...overlaps, ...claims, ...free, ...holds, ...elsewhere, ...(await undeliveredEvents(tx))];
}
