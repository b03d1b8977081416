import { Refusal } from '../../platform/errors.js';
import type { ImageVariant, vehicleImages } from './tables.js';

export type ImageRow = typeof vehicleImages.$inferSelect;

/** Pictures of one vehicle. */
export const MAX_IMAGES = 20;

/** Widest side of each size, in pixels: a list's picture, a card's, a page's; each at about twice what it measures on a screen. */
const WIDTHS = { THUMB: 320, CARD: 800, FULL: 1600 } as const;

/** What is made of every picture, in this order: small first, so that something can be looked at early. */
export const VARIANTS = (Object.keys(WIDTHS) as (keyof typeof WIDTHS)[]).flatMap((size) => [
  { size, format: 'WEBP' as const, maxWidth: WIDTHS[size] },
  { size, format: 'AVIF' as const, maxWidth: WIDTHS[size] },
]);

/** Where a picture's files lie in the storage. */
export const originalKey = (image: { id: string; format: string }): string => `vehicles/${image.id}/original.${image.format}`;
export const variantKey = (imageId: string, variant: Pick<ImageVariant, 'size' | 'format'>): string =>
  `vehicles/${imageId}/${variant.size.toLowerCase()}.${variant.format.toLowerCase()}`;

/** How much of the work on a picture is done, 0 to 100. */
export function percentOf(image: Pick<ImageRow, 'status' | 'variants'>): number {
  return image.status === 'READY' ? 100 : Math.floor((image.variants.length * 100) / VARIANTS.length);
}

/** @throws Refusal TOO_MANY_IMAGES */
export function assertRoomForImage(present: number): void {
  if (present < MAX_IMAGES) return;
  throw new Refusal('TOO_MANY_IMAGES', `A vehicle has at most ${MAX_IMAGES} pictures. Delete one first.`, {
    details: { field: 'input.vehicleId', rule: 'max_images', limit: MAX_IMAGES },
  });
}

/** @throws Refusal VALIDATION_ERROR when the wanted order does not name each present picture once */
export function assertWholeOrder(present: readonly string[], wanted: readonly string[]): void {
  const same = present.length === wanted.length && new Set(wanted).size === wanted.length && wanted.every((id) => present.includes(id));
  if (same) return;
  throw new Refusal('VALIDATION_ERROR', 'imageIds: must name each picture of the vehicle once. Read `imageUploads` again.', {
    details: { field: 'imageIds', rule: 'all_once' },
  });
}
