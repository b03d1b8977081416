import { asc, count, eq, inArray, max } from 'drizzle-orm';
import { notFound } from '../../platform/errors.js';
import { type ImageFacts, renderImage } from '../../platform/images.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Orm, Tx } from '../../platform/postgres.js';
import type { Storage } from '../../platform/storage.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import { factsOf, vehicleChanged } from './commands.js';
import { vehicleUpdated } from './events.js';
import { assertRoomForImage, assertWholeOrder, type ImageRow, originalKey, VARIANTS, variantKey } from './image.js';
import { lockVehicle } from './queries.js';
import { type ShownImage, vehicleImages, vehicles } from './tables.js';
import { assertNotRetired } from './vehicle.js';

/** Makes the next rendition of a picture. */
export const RENDITION = 'imageRendition';
/** Takes files away that no row names any more. */
export const LEFTOVERS = 'imageLeftovers';

const MINUTE_MS = 60_000;
/** How long an upload may take from its file to its row; what has none by then was left behind by a process that died. */
const UNKEPT_AFTER_MS = 10 * MINUTE_MS;
/** A picture that cannot be rendered in so many attempts never will be. */
const MAX_ATTEMPTS = 5;

export async function imagesByIds(orm: Orm, ids: readonly string[]): Promise<ImageRow[]> {
  return orm
    .select()
    .from(vehicleImages)
    .where(inArray(vehicleImages.id, [...ids]));
}

export async function imagesOfVehicles(orm: Orm, vehicleIds: readonly string[]): Promise<ImageRow[]> {
  return orm
    .select()
    .from(vehicleImages)
    .where(inArray(vehicleImages.vehicleId, [...vehicleIds]))
    .orderBy(asc(vehicleImages.place), asc(vehicleImages.id));
}

async function lockImage(orm: Orm, id: string): Promise<ImageRow | undefined> {
  const [row] = await orm.select().from(vehicleImages).where(eq(vehicleImages.id, id)).for('update');
  return row;
}

/** Whether a picture may be added. @throws Refusal NOT_FOUND, VEHICLE_RETIRED, TOO_MANY_IMAGES */
export async function assertImageWelcome(tx: Tx, vehicleId: string): Promise<void> {
  const vehicle = await lockVehicle(tx.orm, vehicleId);
  if (!vehicle) throw notFound('vehicle', 'input.vehicleId');
  assertNotRetired(vehicle);
  const [row] = await tx.orm.select({ present: count() }).from(vehicleImages).where(eq(vehicleImages.vehicleId, vehicleId));
  assertRoomForImage(row?.present ?? 0);
}

/** Says that files of a picture are about to come, before they do: when their row never follows, they are taken away again. */
export async function expectFiles(tx: Tx, imageId: string): Promise<void> {
  await setTimer(tx, { kind: LEFTOVERS, key: imageId, dueAt: new Date(tx.now.getTime() + UNKEPT_AFTER_MS) });
}

/** A picture's original lies in the storage: it is written down, and its renditions are begun. Repeated, it answers with the present state (EV-05). */
export async function keepImage(tx: Tx, image: { id: string; vehicleId: string; alt: string; format: string; facts: ImageFacts }): Promise<ImageRow> {
  const [present] = await imagesByIds(tx.orm, [image.id]);
  if (present) return present;
  await assertImageWelcome(tx, image.vehicleId);
  const [last] = await tx.orm
    .select({ place: max(vehicleImages.place) })
    .from(vehicleImages)
    .where(eq(vehicleImages.vehicleId, image.vehicleId));
  const { id, vehicleId, alt, format, facts } = image;
  const [row] = await tx.orm
    .insert(vehicleImages)
    .values({
      ...{ id, vehicleId, alt, format, width: facts.width, height: facts.height },
      status: 'PROCESSING',
      place: (last?.place ?? -1) + 1,
      variants: [],
      createdAt: tx.now,
      updatedAt: tx.now,
    })
    .returning();
  if (!row) throw new Error('the image was not inserted');
  await cancelTimer(tx, LEFTOVERS, id);
  await setTimer(tx, { kind: RENDITION, key: id, dueAt: tx.now });
  return row;
}

/**
 * Makes one rendition, and sets itself to be run for the next: each is committed alone, so that progress shows, and a process that dies costs one of them.
 * The row is locked meanwhile: a picture that is deleted waits, and then takes all its files along.
 */
export async function renderNext(tx: Tx, storage: Storage, imageId: string, attempts: number): Promise<void> {
  const image = await lockImage(tx.orm, imageId);
  if (image?.status !== 'PROCESSING') return;
  const next = VARIANTS[image.variants.length];
  const original = await storage.get(originalKey(image));
  if (!original || attempts >= MAX_ATTEMPTS) return giveUp(tx, image);
  if (!next) return show(tx, image);
  const { bytes, width, height } = await renderImage(original, next.format === 'WEBP' ? 'webp' : 'avif', next.maxWidth);
  await storage.put(variantKey(image.id, next), bytes);
  const variants = [...image.variants, { size: next.size, format: next.format, width, height, bytes: bytes.length }];
  await tx.orm.update(vehicleImages).set({ variants, updatedAt: tx.now }).where(eq(vehicleImages.id, image.id));
  if (variants.length === VARIANTS.length) return show(tx, image);
  await setTimer(tx, { kind: RENDITION, key: image.id, dueAt: tx.now });
}

async function show(tx: Tx, image: ImageRow): Promise<void> {
  await tx.orm.update(vehicleImages).set({ status: 'READY', updatedAt: tx.now }).where(eq(vehicleImages.id, image.id));
  // The original may say where and by whom it was taken: it is not kept longer than it is needed.
  await setTimer(tx, { kind: LEFTOVERS, key: image.id, dueAt: tx.now, payload: { original: originalKey(image) } });
  await publishImages(tx, image.vehicleId);
}

async function giveUp(tx: Tx, image: ImageRow): Promise<void> {
  await tx.orm.update(vehicleImages).set({ status: 'FAILED', variants: [], updatedAt: tx.now }).where(eq(vehicleImages.id, image.id));
  await setTimer(tx, { kind: LEFTOVERS, key: image.id, dueAt: tx.now });
}

/** The one writer of `vehicles.images`: what is ready, in its order. */
async function publishImages(tx: Tx, vehicleId: string): Promise<void> {
  await lockVehicle(tx.orm, vehicleId);
  const rows = await imagesOfVehicles(tx.orm, [vehicleId]);
  const images: ShownImage[] = rows.filter(({ status }) => status === 'READY').map(({ id, alt, variants }) => ({ id, alt, variants }));
  const [row] = await tx.orm.update(vehicles).set({ images }).where(eq(vehicles.id, vehicleId)).returning();
  if (!row) return;
  vehicleChanged(tx, vehicleId);
  await appendEvent(tx, vehicleUpdated, vehicleId, await factsOf(tx, row));
}

/** Takes away what nobody names: all files of a picture without a row or that failed, the original of one that is ready. Harmless when repeated. */
export async function removeLeftovers(tx: Tx, storage: Storage, imageId: string): Promise<void> {
  const image = await lockImage(tx.orm, imageId);
  if (image?.status === 'PROCESSING') return;
  const originals = ['jpeg', 'png', 'webp', 'avif'].map((format) => originalKey({ id: imageId, format }));
  const variants = image?.status === 'READY' ? [] : VARIANTS.map((variant) => variantKey(imageId, variant));
  for (const key of [...originals, ...variants]) await storage.delete(key);
}

/** Takes a picture from its vehicle; its files follow. Repeated, there is nothing to do. @throws Refusal NOT_FOUND */
export async function deleteImage(tx: Tx, imageId: string): Promise<string> {
  const image = await lockImage(tx.orm, imageId);
  if (!image) throw notFound('picture');
  await tx.orm.delete(vehicleImages).where(eq(vehicleImages.id, imageId));
  await setTimer(tx, { kind: LEFTOVERS, key: imageId, dueAt: tx.now });
  await publishImages(tx, image.vehicleId);
  return image.vehicleId;
}

/** Puts a vehicle's pictures into an order; the first is the one that lists show. @throws Refusal NOT_FOUND, VALIDATION_ERROR */
export async function orderImages(tx: Tx, vehicleId: string, imageIds: readonly string[]): Promise<void> {
  if (!(await lockVehicle(tx.orm, vehicleId))) throw notFound('vehicle', 'vehicleId');
  const rows = await imagesOfVehicles(tx.orm, [vehicleId]);
  assertWholeOrder(
    rows.map(({ id }) => id),
    imageIds,
  );
  for (const [place, id] of imageIds.entries()) await tx.orm.update(vehicleImages).set({ place, updatedAt: tx.now }).where(eq(vehicleImages.id, id));
  await publishImages(tx, vehicleId);
}
