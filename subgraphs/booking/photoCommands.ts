import { and, asc, count, eq, inArray } from 'drizzle-orm';
import { notFound, Refusal } from '../../platform/errors.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { Storage } from '../../platform/storage.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import type { BookingStatus } from './bookingStatus.js';
import { lockBooking } from './queries.js';
import { type PHOTO_MOMENTS, rentalPhotos } from './tables.js';

export type PhotoRow = typeof rentalPhotos.$inferSelect;
export type PhotoMoment = (typeof PHOTO_MOMENTS)[number];

/** Takes the file of a photo away that never was written down. */
export const PHOTO_LEFTOVER = 'photoLeftover';
const UNKEPT_AFTER_MS = 10 * 60_000;
/** Photos of one car at one moment. */
export const MAX_PHOTOS = 20;

/** When a photo says something: around its moment, not long before or after. */
const WHEN: Readonly<Record<PhotoMoment, readonly BookingStatus[]>> = { PICKUP: ['CONFIRMED', 'ACTIVE'], RETURN: ['ACTIVE', 'COMPLETED'] };

export const photoKey = ({ id, bookingId }: Pick<PhotoRow, 'id' | 'bookingId'>): string => `rentals/${bookingId}/${id}.webp`;

/** Photos of these bookings, in the order in which they were taken; row-level security hides what the actor may not see. */
export async function photosOf(orm: Orm, bookingIds: readonly string[]): Promise<PhotoRow[]> {
  return orm
    .select()
    .from(rentalPhotos)
    .where(inArray(rentalPhotos.bookingId, [...bookingIds]))
    .orderBy(asc(rentalPhotos.createdAt), asc(rentalPhotos.id));
}

/** @throws Refusal NOT_FOUND, PHOTO_NOT_NOW for a booking that is not at that moment, TOO_MANY_IMAGES */
export async function assertPhotoWelcome(tx: Tx, bookingId: string, moment: PhotoMoment): Promise<void> {
  const booking = await lockBooking(tx.orm, bookingId);
  if (!booking) throw notFound('booking', 'input.bookingId');
  if (!WHEN[moment].includes(booking.status)) {
    throw new Refusal(
      'PHOTO_NOT_NOW',
      `Photos of the ${moment === 'PICKUP' ? 'pick-up' : 'return'} are taken when the car changes hands; this booking is ${booking.status}.`,
      {
        details: { field: 'input.moment', rule: 'status', status: booking.status },
      },
    );
  }
  const [row] = await tx.orm
    .select({ present: count() })
    .from(rentalPhotos)
    .where(and(eq(rentalPhotos.bookingId, bookingId), eq(rentalPhotos.moment, moment)));
  if ((row?.present ?? 0) < MAX_PHOTOS) return;
  throw new Refusal('TOO_MANY_IMAGES', `There are ${MAX_PHOTOS} photos of this moment, which is the most.`, {
    details: { field: 'input.bookingId', rule: 'max_images', limit: MAX_PHOTOS },
  });
}

/** Says that a file is about to come, before it does: when its row never follows, it is taken away again. */
export async function expectPhoto(tx: Tx, photo: Pick<PhotoRow, 'id' | 'bookingId'>): Promise<void> {
  await setTimer(tx, { kind: PHOTO_LEFTOVER, key: `${photo.bookingId}:${photo.id}`, dueAt: new Date(tx.now.getTime() + UNKEPT_AFTER_MS) });
}

export async function photoById(orm: Orm, id: string): Promise<PhotoRow | undefined> {
  const [row] = await orm.select().from(rentalPhotos).where(eq(rentalPhotos.id, id));
  return row;
}

/** Writes a photo down whose file lies in the storage. Repeated, it answers with the present state (EV-05). */
export async function keepPhoto(tx: Tx, photo: Omit<PhotoRow, 'createdAt'>): Promise<PhotoRow> {
  const present = await photoById(tx.orm, photo.id);
  if (present) return present;
  await assertPhotoWelcome(tx, photo.bookingId, photo.moment);
  const [row] = await tx.orm
    .insert(rentalPhotos)
    .values({ ...photo, createdAt: tx.now })
    .returning();
  if (!row) throw new Error('the photo was not inserted');
  await cancelTimer(tx, PHOTO_LEFTOVER, `${photo.bookingId}:${photo.id}`);
  return row;
}

/** Takes a file away that no row names. */
export async function removeLeftoverPhoto(tx: Tx, storage: Storage, key: string): Promise<void> {
  const [bookingId = '', id = ''] = key.split(':');
  if (!(await photoById(tx.orm, id))) await storage.delete(photoKey({ id, bookingId }));
}
