import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { asSystem } from './elevation.js';
import { tellTrip } from './signals.js';
import { trips, tripStates } from './tables.js';
import { assertTransition, invalidTransition, type Party, type TripRow, type TripStatus } from './trip.js';

/**
 * The one place where trips change status (DP-30): the next number of the trip's sequence, a row in its log of states, and a hint to who watches.
 * The statement names the status that it expects (DP-23): of two transactions that both believe in their right, one changes nothing.
 * @throws Refusal INVALID_TRANSITION
 */
export async function stepTrip(
  tx: Tx,
  dispatch: Dispatch,
  trip: TripRow,
  to: TripStatus,
  by: Party,
  changes: Partial<typeof trips.$inferInsert> = {},
): Promise<TripRow> {
  assertTransition(trip, to);
  const row = await asSystem(tx, async () => {
    const [changed] = await tx.orm
      .update(trips)
      .set({ ...changes, status: to, sequence: trip.sequence + 1 })
      .where(and(eq(trips.id, trip.id), eq(trips.status, trip.status)))
      .returning();
    if (!changed) throw invalidTransition(trip.status, to);
    await logState(tx, changed, by);
    return changed;
  });
  tellTrip(tx, dispatch, trip.id);
  return row;
}

/** Writes the present status into the log of states. */
export async function logState(tx: Tx, trip: TripRow, by: Party): Promise<void> {
  await tx.orm.insert(tripStates).values({ tripId: trip.id, sequence: trip.sequence, status: trip.status, at: tx.now, actorKind: by });
}
