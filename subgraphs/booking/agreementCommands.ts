import { and, desc, eq, inArray, sql } from 'drizzle-orm';
import { newUuid } from '../../platform/ids.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import type { SigningOutcome } from './adapters/signerPort.js';
import { type BookingRow, lockBooking, type QuoteRow, vehiclesByIds } from './queries.js';
import { agreements, quotes } from './tables.js';
import { logTransition } from './transition.js';

export type AgreementRow = typeof agreements.$inferSelect;

/** Makes an agreement and has it signed: the timer's key is the agreement. */
export const AGREEMENT = 'agreement';

export const agreementKey = (id: string): string => `agreements/${id}.pdf`;

/** The last agreement of each of these bookings; row-level security hides what the actor may not see. */
export async function lastAgreements(orm: Orm, bookingIds: readonly string[]): Promise<AgreementRow[]> {
  return orm
    .selectDistinctOn([agreements.bookingId])
    .from(agreements)
    .where(inArray(agreements.bookingId, [...bookingIds]))
    .orderBy(agreements.bookingId, desc(agreements.version));
}

/** Begins the agreement of a booking that was just confirmed or changed; one that was made before does not count any more. The booking's row must be locked. */
export async function beginAgreement(tx: Tx, bookingId: string): Promise<void> {
  const [last] = await lastAgreements(tx.orm, [bookingId]);
  if (last) await tx.orm.update(agreements).set({ status: 'VOID' }).where(eq(agreements.bookingId, bookingId));
  const id = newUuid(tx.now);
  await tx.orm.insert(agreements).values({ id, bookingId, version: (last?.version ?? 0) + 1, status: 'PREPARING', attempts: 0, createdAt: tx.now });
  await setTimer(tx, { kind: AGREEMENT, key: id, dueAt: tx.now });
}

async function lockAgreement(tx: Tx, id: string): Promise<AgreementRow | undefined> {
  const [row] = await tx.orm.select().from(agreements).where(eq(agreements.id, id)).for('update');
  return row;
}

/** What is known here of an agreement that is to be made; names and addresses are asked of the graph. */
export interface AgreementJob {
  agreement: AgreementRow;
  booking: BookingRow;
  quote: Pick<QuoteRow, 'lines' | 'days'>;
  title: string;
  timeZone: string;
}

/** Claims an attempt; null when there is nothing to do any more: it was sent, or its booking has ended. */
export async function claimAgreement(tx: Tx, id: string): Promise<AgreementJob | null> {
  const [known] = await tx.orm.select({ bookingId: agreements.bookingId }).from(agreements).where(eq(agreements.id, id));
  // Bookings are locked before what belongs to them, by everybody.
  const booking = known && (await lockBooking(tx.orm, known.bookingId));
  const agreement = await lockAgreement(tx, id);
  if (!booking || agreement?.status !== 'PREPARING') return null;
  if (booking.status !== 'CONFIRMED' && booking.status !== 'ACTIVE') {
    await tx.orm.update(agreements).set({ status: 'VOID' }).where(eq(agreements.id, id));
    return null;
  }
  const [quote] = await tx.orm.select({ lines: quotes.lines, days: quotes.days }).from(quotes).where(eq(quotes.id, booking.quoteId));
  const [vehicle] = await vehiclesByIds(tx.orm, [booking.vehicleId]);
  if (!quote || !vehicle) throw new Error(`booking ${booking.id} has no quote or no vehicle`);
  await tx.orm
    .update(agreements)
    .set({ attempts: sql`${agreements.attempts} + 1` })
    .where(eq(agreements.id, id));
  return { agreement, booking, quote, title: vehicle.title, timeZone: vehicle.timeZone };
}

/** The document lies in the storage and is not made again: a signature is for this one. */
export async function keepDocument(tx: Tx, id: string, sha256: string): Promise<void> {
  await tx.orm.update(agreements).set({ sha256 }).where(eq(agreements.id, id));
}

/** It is out for signature, or, when nobody has documents signed for us, ready to be signed at the desk. */
export async function agreementSent(tx: Tx, feed: LiveFeed, id: string, signUrl: string | null): Promise<void> {
  await moveAgreement(tx, feed, id, ['PREPARING'], { status: signUrl ? 'SENT' : 'READY', signUrl, sentAt: tx.now }, 'AGREEMENT_SENT');
}

export type Decision = 'APPLIED' | 'NOTHING_TO_DO' | 'TOO_EARLY' | 'UNKNOWN';

/** How signing ended, as the signer says. Said twice, it changes nothing; for an agreement that does not count any more neither. */
export async function takeDecision(tx: Tx, feed: LiveFeed, said: SigningOutcome): Promise<Decision> {
  const [agreement] = await tx.orm.select().from(agreements).where(eq(agreements.id, said.key));
  // What was signed has to be what was sent.
  if (!agreement || (agreement.sha256 !== null && agreement.sha256 !== said.sha256)) return 'UNKNOWN';
  if (agreement.status === 'PREPARING') return 'TOO_EARLY';
  const outcome = { status: said.outcome, decidedAt: said.at } as const;
  return (await moveAgreement(tx, feed, agreement.id, ['SENT'], outcome, `AGREEMENT_${said.outcome}`)) ? 'APPLIED' : 'NOTHING_TO_DO';
}

async function moveAgreement(tx: Tx, feed: LiveFeed, id: string, from: AgreementRow['status'][], to: Partial<AgreementRow>, reason: string): Promise<boolean> {
  const [known] = await tx.orm.select({ bookingId: agreements.bookingId }).from(agreements).where(eq(agreements.id, id));
  const booking = known && (await lockBooking(tx.orm, known.bookingId));
  if (!booking) return false;
  const moved = await tx.orm
    .update(agreements)
    .set(to)
    .where(and(eq(agreements.id, id), inArray(agreements.status, from)))
    .returning({ id: agreements.id });
  if (moved.length === 0) return false;
  await logTransition(tx, feed, { bookingId: booking.id, stationId: booking.stationId, from: booking.status, to: booking.status, reason });
  return true;
}
