import { and, eq, isNull } from 'drizzle-orm';
import type { z } from 'zod';
import { userIdOf } from '../../platform/actor.js';
import { notFound, parseInput } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import type { FareTableRow, PriceEventRow } from './cityQueries.js';
import { fareTables, priceEvents } from './cityTables.js';
import type { FareRates } from './fare.js';
import { assertSeamless, fareTableSchema } from './fareTable.js';
import { areaOf, priceEventSchema } from './priceEvent.js';
import { fareRates } from './tables.js';

/**
 * Writes a rate table (DP-10). It takes the place of the present one when it begins; quotes that were made before keep their prices.
 * @throws Refusal VALIDATION_ERROR with rule rate_gap, rate_overlap, rate_period or rate_begins
 */
export async function publishFareTable(tx: Tx, input: z.input<typeof fareTableSchema>): Promise<{ table: FareTableRow; rates: FareRates[] }> {
  const { note, rates } = parseInput(fareTableSchema, input);
  const effectiveFrom = assertSeamless(rates, tx.now);
  const row = { id: newUuid(tx.now), effectiveFrom, publishedAt: tx.now, publishedBy: userIdOf(tx.actor), note: note ?? null };
  const [table] = await tx.orm.insert(fareTables).values(row).returning();
  if (!table) throw new Error('the rate table was not written');
  const written = await tx.orm
    .insert(fareRates)
    .values(
      rates.map(({ from, until, waitingFreeMinutes, ...rate }) => ({
        ...rate,
        tableId: table.id,
        effectiveFrom: from,
        effectiveUntil: until ?? null,
        waitingFreeS: waitingFreeMinutes * 60,
      })),
    )
    .returning();
  return { table, rates: written };
}

/** Says that prices are higher around something for a time (DP-11). @throws Refusal VALIDATION_ERROR, also with rule polygon_crosses_itself or past */
export async function createPriceEvent(tx: Tx, input: z.input<typeof priceEventSchema>): Promise<PriceEventRow> {
  const schema = priceEventSchema.refine((event) => event.endsAt > tx.now, { path: ['endsAt'], message: 'must be in the future' });
  const event = parseInput(schema, input);
  const [row] = await tx.orm
    .insert(priceEvents)
    .values({
      id: newUuid(tx.now),
      name: event.name,
      multiplierPermille: Math.round(event.multiplier * 1000),
      area: areaOf(event),
      startsAt: event.startsAt,
      endsAt: event.endsAt,
      createdAt: tx.now,
      createdBy: userIdOf(tx.actor),
    })
    .returning();
  if (!row) throw new Error('the event was not written');
  return row;
}

/** Ends an event before its time. Repeating it answers with the event. @throws Refusal NOT_FOUND */
export async function endPriceEvent(tx: Tx, eventId: string): Promise<PriceEventRow> {
  await tx.orm
    .update(priceEvents)
    .set({ endedAt: tx.now })
    .where(and(eq(priceEvents.id, eventId), isNull(priceEvents.endedAt)));
  const [row] = await tx.orm.select().from(priceEvents).where(eq(priceEvents.id, eventId));
  if (!row) throw notFound('event', 'eventId');
  return row;
}
