import { sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { moveDrivers } from './driverMoves.js';
import { declineOpenOffers } from './offerCommands.js';

/** Who has sent nothing for this long is not on the road any more, whatever he last said. */
export const SILENT_MS = 10 * 60_000;
/** Drivers of one look; the next one takes the others. */
const BATCH = 500;

/**
 * Takes drivers off the road whose devices have been silent: nobody is matched with them, but they would count as supply and as online for ever. Who sends
 * at this moment and whose points wait for Postgres stays; so does who is on a trip.
 */
export async function dropSilentDrivers(tx: Tx, dispatch: Dispatch): Promise<void> {
  const since = new Date(tx.now.getTime() - SILENT_MS);
  const silent = await tx.orm.execute<{ id: string }>(sql`select d.id from drivers d
    where d.state = 'AVAILABLE' and d.available_since < ${since.toISOString()}::timestamptz
      and not exists (select 1 from driver_positions p where p.driver_id = d.id and p.recorded_at > ${since.toISOString()}::timestamptz)
    order by d.id limit ${BATCH}`);
  const gone: string[] = [];
  for (const { id } of silent) {
    // Redis has it to the second, also while points wait for Postgres.
    const seen = await dispatch.positions.lastSeen(id);
    if (seen === null || seen.at < since) gone.push(id);
  }
  // Trips are locked before drivers, here as everywhere.
  for (const id of gone) await declineOpenOffers(tx, dispatch, id, 'silent');
  await moveDrivers(tx, dispatch, gone, 'OFFLINE', { from: ['AVAILABLE'] });
}
