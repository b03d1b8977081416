import { createHash, randomBytes } from 'node:crypto';
import { and, count, eq, gt, isNull } from 'drizzle-orm';
import { userIdOf } from '../../platform/actor.js';
import { notFound, Refusal } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import type { Tx } from '../../platform/postgres.js';
import { asSystem } from './elevation.js';
import { tripShares } from './matchingTables.js';
import { tellTrip } from './signals.js';
import type { Dispatch } from './context.js';
import { isTerminal, type TripRow } from './trip.js';
import { lockTrip, tripsByIds } from './tripQueries.js';

/** Links of one trip that work at the same time, and that were ever made: a phone in a loop fills no table. */
const MAX_OPEN = 5;
const MAX_EVER = 50;
/** A link works no longer than this, and never longer than the trip; that of a trip for later counts from its departure. */
const LIFETIME_MS = 12 * 3_600_000;
/** Bytes of a token: nobody guesses 192 bits. */
const TOKEN_BYTES = 24;
const TOKEN = /^[\w-]{32}$/;

/**
 * Makes a link by which anybody may follow the trip (DP-32). The token is told once; here its hash is kept.
 * @throws Refusal NOT_FOUND (not the actor's trip as a rider), TRIP_OVER, TOO_MANY_SHARES
 */
export async function shareTrip(tx: Tx, tripId: string): Promise<{ token: string; expiresAt: Date }> {
  const trip = await lockTripOfRider(tx, tripId);
  if (isTerminal(trip.status))
    throw new Refusal('TRIP_OVER', 'The trip is over: there is nothing to follow.', {
      details: { field: 'tripId', rule: 'live_trip', status: trip.status },
    });
  const [made] = await tx.orm.select({ ever: count() }).from(tripShares).where(eq(tripShares.tripId, trip.id));
  const [open] = await tx.orm
    .select({ now: count() })
    .from(tripShares)
    .where(and(eq(tripShares.tripId, trip.id), isNull(tripShares.revokedAt), gt(tripShares.expiresAt, tx.now)));
  if ((open?.now ?? 0) >= MAX_OPEN || (made?.ever ?? 0) >= MAX_EVER) {
    throw new Refusal('TOO_MANY_SHARES', `A trip can have ${MAX_OPEN} links at a time. Send one that you have, or end them with \`stopSharing\`.`, {
      details: { field: 'tripId', rule: 'open_links', most: MAX_OPEN },
    });
  }
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  const from = Math.max(tx.now.getTime(), trip.departAt?.getTime() ?? 0);
  const expiresAt = new Date(from + LIFETIME_MS);
  await tx.orm
    .insert(tripShares)
    .values({ id: newUuid(tx.now), tripId: trip.id, tokenHash: hashOf(token), createdBy: trip.riderId, createdAt: tx.now, expiresAt });
  return { token, expiresAt };
}

/** Ends all links of the trip; who follows it by one sees it end. Answers how many there were. @throws Refusal NOT_FOUND */
export async function stopSharing(tx: Tx, dispatch: Dispatch, tripId: string): Promise<number> {
  const trip = await lockTripOfRider(tx, tripId);
  const ended = await tx.orm
    .update(tripShares)
    .set({ revokedAt: tx.now })
    .where(and(eq(tripShares.tripId, trip.id), isNull(tripShares.revokedAt), gt(tripShares.expiresAt, tx.now)))
    .returning({ id: tripShares.id });
  if (ended.length > 0) tellTrip(tx, dispatch, trip.id);
  return ended.length;
}

/** The trip that a token is for, also when it has just ended, and until when; undefined when the token was never given out, is too old or was taken back. */
export async function tripOfToken(tx: Tx, token: string): Promise<{ trip: TripRow; until: Date } | undefined> {
  if (!TOKEN.test(token)) return undefined;
  return asSystem(tx, async () => {
    const [share] = await tx.orm
      .select({ tripId: tripShares.tripId, until: tripShares.expiresAt })
      .from(tripShares)
      .where(and(eq(tripShares.tokenHash, hashOf(token)), isNull(tripShares.revokedAt), gt(tripShares.expiresAt, tx.now)));
    const [trip] = share ? await tripsByIds(tx.orm, [share.tripId]) : [];
    return share && trip && { trip, until: share.until };
  });
}

const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');

async function lockTripOfRider(tx: Tx, tripId: string): Promise<TripRow> {
  const trip = await lockTrip(tx.orm, tripId);
  if (!trip || trip.riderId !== userIdOf(tx.actor)) throw notFound('trip', 'tripId');
  return trip;
}
