import { eq } from 'drizzle-orm';
import { describeActor } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { vehicleUnavailable } from './availability.js';
import { availabilityChanged, claimRange, heedLateRental, lockVehicles, releaseClaims } from './claimQueries.js';
import { blockLifted, blockPlaced } from './events.js';
import { busyRangesAfter } from './queries.js';
import { requireVehicle } from './quoteCommands.js';
import { assertWindow } from './rentalPeriod.js';
import { promotions, vehicleBlocks } from './tables.js';

export type BlockRow = typeof vehicleBlocks.$inferSelect;
export type PromotionRow = typeof promotions.$inferSelect;

/**
 * Keeps a vehicle from customers for a time, inside the constraint that bookings are in (BK-01): a block never takes what is booked.
 * @throws Refusal NOT_FOUND, VALIDATION_ERROR, VEHICLE_UNAVAILABLE with `nextFreeFrom`
 */
export async function blockVehicle(tx: Tx, input: { vehicleId: string; from: Date; to: Date; reason: string }): Promise<BlockRow> {
  const { vehicleId, from, to, reason } = input;
  assertWindow(from, to, 'input.');
  await requireVehicle(tx, vehicleId, 'input.vehicleId');
  availabilityChanged(tx, [vehicleId]);
  const id = newUuid(tx.now);
  const during = { from, to };
  if (!(await claimRange(tx.orm, { holderId: id, kind: 'BLOCK', vehicleId, during }))) {
    const busy = await busyRangesAfter(tx.orm, vehicleId, from);
    throw vehicleUnavailable('input.from', busy, during);
  }
  const [row] = await tx.orm
    .insert(vehicleBlocks)
    .values({ id, vehicleId, fromAt: from, toAt: to, reason, createdBy: describeActor(tx.actor), createdAt: tx.now })
    .returning();
  if (!row) throw new Error('the block was not inserted');
  await appendEvent(tx, blockPlaced, id, { blockId: id, vehicleId, blockedFrom: from.toISOString(), blockedTo: to.toISOString() });
  return row;
}

/** Gives a blocked vehicle back. Repeated, it answers with the present state. @throws Refusal NOT_FOUND */
export async function unblockVehicle(tx: Tx, blockId: string): Promise<BlockRow> {
  const [block] = await tx.orm.select().from(vehicleBlocks).where(eq(vehicleBlocks.id, blockId)).for('update');
  if (!block) throw notFound('block');
  if (block.liftedAt) return block;
  const [row] = await tx.orm.update(vehicleBlocks).set({ liftedAt: tx.now }).where(eq(vehicleBlocks.id, blockId)).returning();
  if (!row) throw new Error('the locked block vanished');
  availabilityChanged(tx, [block.vehicleId]);
  await lockVehicles(tx.orm, [block.vehicleId]);
  await releaseClaims(tx.orm, [blockId]);
  await heedLateRental(tx, block.vehicleId);
  await appendEvent(tx, blockLifted, blockId, { blockId, vehicleId: block.vehicleId });
  return row;
}

/** Makes a promotion code, or changes it; quotes that were given stay as they are. @throws Refusal VALIDATION_ERROR */
export async function savePromotion(tx: Tx, input: PromotionRow): Promise<PromotionRow> {
  if (input.validTo <= input.validFrom) {
    throw new Refusal('VALIDATION_ERROR', 'input.validTo: must be after `validFrom`.', { details: { field: 'input.validTo', rule: 'after_from' } });
  }
  const { code, ...terms } = input;
  const [row] = await tx.orm.insert(promotions).values(input).onConflictDoUpdate({ target: promotions.code, set: terms }).returning();
  if (!row) throw new Error(`the promotion ${code} was not kept`);
  return row;
}
