import { and, asc, eq, gte, inArray, lt, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { matchingTicks } from './cityTables.js';
import type { TripFacts } from './roundReplay.js';
import { offers, tripQuotes, trips } from './tables.js';

export type TickRow = typeof matchingTicks.$inferSelect;

/** Rounds that are read at once. */
const BATCH = 200;
const NONE = '00000000-0000-0000-0000-000000000000';

/** Recorded rounds between two times in order, a batch at a time. */
export async function* recordedRounds(orm: Orm, from: Date, until: Date): AsyncGenerator<TickRow> {
  for (let [after, id] = [from, NONE]; ; ) {
    const rows: TickRow[] = await orm
      .select()
      .from(matchingTicks)
      .where(
        and(
          gte(matchingTicks.at, from),
          lt(matchingTicks.at, until),
          sql`(${matchingTicks.at}, ${matchingTicks.id}) > (${after.toISOString()}::timestamptz, ${id}::uuid)`,
        ),
      )
      .orderBy(asc(matchingTicks.at), asc(matchingTicks.id))
      .limit(BATCH);
    yield* rows;
    const last = rows.at(-1);
    if (!last || rows.length < BATCH) return;
    [after, id] = [last.at, last.id];
  }
}

/** What became of trips in truth, for replays. Runs as SYSTEM. */
export async function tripFactsOf(orm: Orm, tripIds: readonly string[]): Promise<Map<string, TripFacts>> {
  if (tripIds.length === 0) return new Map();
  const { id, driverId, acceptedAt, arrivedAt, completedAt, cancelledAt } = trips;
  const rows = await orm
    .select({ id, driverId, acceptedAt, arrivedAt, completedAt, cancelledAt, durationS: tripQuotes.durationS })
    .from(trips)
    .innerJoin(tripQuotes, eq(tripQuotes.id, trips.quoteId))
    .where(inArray(trips.id, [...tripIds]));
  // Where nobody has the trip, offers are open or were taken back because its rider had gone: nobody has said yes.
  const refusals = await orm
    .select({ tripId: offers.tripId, driverId: offers.driverId })
    .from(offers)
    .innerJoin(trips, eq(trips.id, offers.tripId))
    .where(
      and(
        inArray(offers.tripId, [...tripIds]),
        sql`(${offers.status} in ('DECLINED', 'EXPIRED') or (${offers.status} in ('PENDING', 'WITHDRAWN') and ${trips.driverId} is null))`,
      ),
    );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        driverId: row.driverId,
        acceptedAtMs: row.acceptedAt?.getTime() ?? null,
        freeAgainAtMs: (row.completedAt ?? row.cancelledAt)?.getTime() ?? null,
        rideS: row.completedAt && row.arrivedAt ? (row.completedAt.getTime() - row.arrivedAt.getTime()) / 1000 : row.durationS,
        refusedBy: new Set(refusals.filter(({ tripId }) => tripId === row.id).map((refusal) => refusal.driverId)),
      },
    ]),
  );
}
