import { and, eq } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { asSystem } from './elevation.js';
import { tellTrip } from './signals.js';
import { trips } from './tables.js';
import { assertTransition, invalidTransition, type Party, type TripRow, type TripStatus } from './trip.js';

type Stepping = Pick<TripRow, 'id' | 'status' | 'sequence'>;

/**
 * The one place where trips change status (DP-30): the next number of the trip's sequence, a row in its log of states, and a hint to who watches.
 * The statement names the status that it expects (DP-23): of two transactions that both believe in their right, one changes nothing.
 * @throws Refusal INVALID_TRANSITION
 */
export async function stepTrip(
  tx: Tx,
  dispatch: Dispatch,
  trip: Stepping,
  to: TripStatus,
  by: Party,
  changes: Partial<typeof trips.$inferInsert> = {},
): Promise<TripRow> {
  assertTransition(trip, to);
  const row = await asSystem(tx, async () => {
    const stepping = updateStatus(tx, trip, to, changes);
    // Sent behind it in the same message: when nothing was changed, both are taken back.
    const logging = logState(tx, { id: trip.id, sequence: trip.sequence + 1, status: to }, by);
    logging.catch(() => {});
    const [changed] = await stepping;
    if (!changed) throw invalidTransition(trip.status, to);
    await logging;
    return changed;
  });
  tellTrip(tx, dispatch, trip.id);
  return row;
}

/** Sent at once, not when it is awaited: what is sent next comes after it. */
function updateStatus(tx: Tx, trip: Stepping, to: TripStatus, changes: Partial<typeof trips.$inferInsert>): Promise<TripRow[]> {
  return tx.orm
    .update(trips)
    .set({ ...changes, status: to, sequence: trip.sequence + 1 })
    .where(and(eq(trips.id, trip.id), eq(trips.status, trip.status)))
    .returning()
    .execute();
}

/** Writes a status into the log of states. */
export async function logState(tx: Tx, { id, sequence, status }: Stepping, by: Party): Promise<void> {
  await tx.prepared('insert into trip_states (trip_id, sequence, status, at, actor_kind) values ($1::uuid, $2::int, $3, $4::timestamptz, $5)', [
    id,
    String(sequence),
    status,
    tx.now.toISOString(),
    by,
  ]);
}
