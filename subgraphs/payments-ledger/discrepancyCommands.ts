import { and, eq, inArray, notInArray } from 'drizzle-orm';
import { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import type { Discrepancy, DiscrepancyRow } from './reconciliation.js';
import { discrepancies } from './controlTables.js';

export const noteSchema = z.object({ note: z.string().trim().min(1, 'must say why').max(500, 'must not be longer than 500 characters') });

/** What a check that covers everything of a kind does not find any more, is over. A day's kinds say nothing of other days. */
const ALWAYS_LOOKED_FOR = [
  'LEDGER_UNBALANCED',
  'BALANCE_MISMATCH',
  'HOLDS_MISMATCH',
  'TRIP_NOT_SETTLED',
  'BOOKING_NOT_PAID',
  'CANCELLED_WITH_MONEY',
  'HOLD_OVERDUE',
  'GATEWAY_CALL_OVERDUE',
  'REFUND_REFUSED',
  'SETTLEMENT_AMOUNT',
  'RECEIVABLE_MISMATCH',
] as const;

/** Keeps what was found: new ones open, those that were resolved as they are stay so. Returns them with their ids and whether anybody has to look. */
export async function keepDiscrepancies(tx: Tx, found: readonly Discrepancy[]): Promise<{ id: string; open: boolean; discrepancy: Discrepancy }[]> {
  const kept: { id: string; open: boolean; discrepancy: Discrepancy }[] = [];
  for (const discrepancy of found) {
    const [row] = await tx.orm
      .insert(discrepancies)
      .values({ ...discrepancy, id: newUuid(tx.now), status: 'OPEN', foundAt: tx.now, lastFoundAt: tx.now })
      .onConflictDoUpdate({
        target: [discrepancies.kind, discrepancies.reference, discrepancies.expected, discrepancies.actual],
        set: { lastFoundAt: tx.now },
      })
      .returning({ id: discrepancies.id, status: discrepancies.status, resolvedBy: discrepancies.resolvedBy });
    if (!row) throw new Error('a discrepancy was not kept');
    // One that had gone by itself is back; one that an admin has explained stays explained.
    const back = row.status === 'RESOLVED' && row.resolvedBy === null;
    if (back) await tx.orm.update(discrepancies).set({ status: 'OPEN', note: null, resolvedAt: null }).where(eq(discrepancies.id, row.id));
    kept.push({ id: row.id, open: back || row.status === 'OPEN', discrepancy });
  }
  await closeGone(
    tx,
    kept.map(({ id }) => id),
  );
  return kept;
}

async function closeGone(tx: Tx, present: readonly string[]): Promise<void> {
  await tx.orm
    .update(discrepancies)
    .set({ status: 'RESOLVED', note: 'No longer found.', resolvedAt: tx.now })
    .where(
      and(
        eq(discrepancies.status, 'OPEN'),
        inArray(discrepancies.kind, [...ALWAYS_LOOKED_FOR]),
        present.length > 0 ? notInArray(discrepancies.id, [...present]) : undefined,
      ),
    );
}

/** An admin's explanation of a discrepancy: it is not reported again as it is (PL-20). Resolving it twice changes nothing. @throws Refusal NOT_FOUND */
export async function resolveDiscrepancy(tx: Tx, id: string, noteGiven: string): Promise<DiscrepancyRow> {
  const { note } = parseInput(noteSchema, { note: noteGiven });
  const [row] = await tx.orm.select().from(discrepancies).where(eq(discrepancies.id, id)).for('update');
  if (!row) throw notFound('discrepancy');
  if (row.status === 'RESOLVED' && row.resolvedBy !== null) return row;
  const changes = { status: 'RESOLVED', note, resolvedBy: userIdOf(tx.actor), resolvedAt: tx.now };
  await tx.orm.update(discrepancies).set(changes).where(eq(discrepancies.id, id));
  return { ...row, ...changes };
}
