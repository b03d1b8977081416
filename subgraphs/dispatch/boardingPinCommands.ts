import { randomInt } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { Refusal } from '../../platform/errors.js';
import type { Tx } from '../../platform/postgres.js';
import type { Dispatch } from './context.js';
import { asSystem } from './elevation.js';
import { settingsOf } from './matchingQueries.js';
import { boardingPins } from './matchingTables.js';
import type { TripRow } from './trip.js';

/** Wrong PINs in a row until the door is shut for a while: ten thousand of them cannot be tried at the kerb. */
const MAX_FAILURES = 5;
const LOCKED_MS = 60_000;

/** Gives the rider of a trip that has its driver a PIN to tell him, where the city wants it (DP-23b). Another driver, another PIN. Runs as SYSTEM. */
export async function makeBoardingPin(tx: Tx, dispatch: Dispatch, trip: TripRow): Promise<void> {
  if (!(await settingsOf(tx.orm, dispatch.config.city)).boardingPin) return;
  const fresh = { pin: String(randomInt(10_000)).padStart(4, '0'), failures: 0, lockedUntil: null };
  await tx.orm
    .insert(boardingPins)
    .values({ tripId: trip.id, riderId: trip.riderId, ...fresh })
    .onConflictDoUpdate({ target: boardingPins.tripId, set: fresh });
}

/**
 * Whether the ride may begin with this PIN. A wrong one is counted, so the refusal is an answer to be thrown once that has committed.
 * Null means: it fits, or the trip has none.
 */
export async function checkBoardingPin(tx: Tx, tripId: string, given: string | null | undefined): Promise<Refusal | null> {
  return asSystem(tx, async () => {
    const [kept] = await tx.orm.select().from(boardingPins).where(eq(boardingPins.tripId, tripId)).for('update');
    if (!kept) return null;
    if (kept.lockedUntil && kept.lockedUntil > tx.now) {
      const retryAfter = Math.ceil((kept.lockedUntil.getTime() - tx.now.getTime()) / 1000);
      return new Refusal('BOARDING_PIN_LOCKED', 'Too many wrong PINs. Wait a minute, and ask the rider again.', {
        details: { field: 'boardingPin' },
        retryAfter,
      });
    }
    if (given === kept.pin) return null;
    if (given == null || given === '') {
      return new Refusal('BOARDING_PIN_REQUIRED', 'Ask the rider for the four digits, and send them as `boardingPin`.', { details: { field: 'boardingPin' } });
    }
    const isLast = kept.failures + 1 >= MAX_FAILURES;
    await tx.orm
      .update(boardingPins)
      .set({
        failures: isLast ? 0 : sql`${boardingPins.failures} + 1`,
        lockedUntil: isLast ? new Date(tx.now.getTime() + LOCKED_MS) : null,
      })
      .where(eq(boardingPins.tripId, tripId));
    return new Refusal('BOARDING_PIN_WRONG', 'That is not the PIN of this trip. Ask the rider again.', {
      details: { field: 'boardingPin', rule: 'pin', attemptsLeft: isLast ? 0 : MAX_FAILURES - kept.failures - 1 },
    });
  });
}
