import { sql } from 'drizzle-orm';
import type { Violation } from './graphqlTypes.js';
import type { Tx } from './postgres.js';

/** An event that nobody has acknowledged for this long is not "in flight" any more. */
const OVERDUE_MS = 5 * 60_000;
const MAX_LISTED = 100;

/** Events that a consumer has not taken for five minutes, and timers that keep failing: each subgraph's own part of `systemHealth` (PF-02b). */
export async function undeliveredEvents(tx: Tx): Promise<Violation[]> {
  const before = new Date(tx.now.getTime() - OVERDUE_MS).toISOString();
  const rows = await tx.orm.execute<{ kind: string; reference: string; since: string }>(sql`
    (select 'EVENT_NOT_DELIVERED' as kind, d.consumer || ' ' || e.type || ' ' || e.id as reference, e.occurred_at as since
      from deliveries d join events e on e.id = d.event_id where d.acknowledged_at is null and e.occurred_at < ${before}::timestamptz
      order by e.occurred_at limit ${MAX_LISTED})
    union all
    (select 'TIMER_FAILING', kind || ' ' || key, due_at from timers where attempts >= 3 order by due_at limit ${MAX_LISTED})`);
  return rows.map((row) => ({ kind: row.kind, reference: row.reference, since: new Date(row.since) }));
}
