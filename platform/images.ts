import sharp from 'sharp';
import { Refusal } from './errors.js';
import { MAX_IMAGE_BYTES } from './imageLimits.js';

// One thread for one picture: a fleet's worth of uploads must not take the machine from those who book.
sharp.concurrency(1);
sharp.cache(false);

/** Pixels of one picture: cameras of phones give up to 50 million; a small file that unfolds to more is a bomb. */
export const MAX_IMAGE_PIXELS = 60_000_000;
/** Far more than any picture takes, also on a machine that is busy: only what never ends is cut off. */
const DECODE_TIMEOUT_S = 60;

/** Types of pictures that are taken, and the extensions of file names that fit them. What they hold decides, not what they are called. */
export const IMAGE_TYPES = { 'image/jpeg': ['jpg', 'jpeg'], 'image/png': ['png'], 'image/webp': ['webp'], 'image/avif': ['avif'] } as const;
export type ImageType = keyof typeof IMAGE_TYPES;

export function isImageType(type: string): type is ImageType {
  return type in IMAGE_TYPES;
}

/** @throws Refusal INVALID_IMAGE for a type that is not taken, or a file name whose extension is not of that type */
export function assertImageName(contentType: string, fileName: string): asserts contentType is ImageType {
  if (!isImageType(contentType)) {
    throw invalidImage('input.contentType', 'type', `Send one of ${Object.keys(IMAGE_TYPES).join(', ')}.`);
  }
  const extension = /\.([A-Za-z0-9]+)$/.exec(fileName)?.[1]?.toLowerCase() ?? '';
  const fitting: readonly string[] = IMAGE_TYPES[contentType];
  if (!fitting.includes(extension)) {
    throw invalidImage('input.fileName', 'extension', `A file of ${contentType} ends with .${fitting.join(' or .')}.`);
  }
}

export function invalidImage(field: string, rule: string, message: string, more: Record<string, unknown> = {}): Refusal {
  return new Refusal('INVALID_IMAGE', message, { details: { field, rule, ...more } });
}

export interface ImageFacts {
  type: ImageType;
  /** As it is looked at: after it was turned the way that its camera was held. */
  width: number;
  height: number;
}

/**
 * Looks at what bytes hold, whatever they are called, and decodes all of it once: what passes can be rendered. The decoders of other formats are not even
 * tried. @throws Refusal INVALID_IMAGE with the rule: max_bytes, content, type, max_pixels
 */
export async function readImage(bytes: Buffer, declared: ImageType): Promise<ImageFacts> {
  if (bytes.length > MAX_IMAGE_BYTES) throw imageTooLarge();
  const type = typeByContent(bytes);
  if (!type) throw notAnImage();
  if (type !== declared) throw invalidImage('body', 'type', `This is ${type}, not ${declared}. Ask for an upload of its real type.`, { type });
  try {
    const header = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (header.width * header.height > MAX_IMAGE_PIXELS) throw tooManyPixels();
    await open(bytes).resize(16, 16, { fit: 'fill' }).raw().toBuffer();
    const turned = (header.orientation ?? 1) >= 5;
    return { type, width: turned ? header.height : header.width, height: turned ? header.width : header.height };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw /pixel limit/i.test(String((error as Error).message)) ? tooManyPixels() : notAnImage();
  }
}

export function imageTooLarge(): Refusal {
  return invalidImage('body', 'max_bytes', `A picture may have ${MAX_IMAGE_BYTES / 1024 / 1024} MiB. Send a smaller one.`, { maxBytes: MAX_IMAGE_BYTES });
}
const notAnImage = () => invalidImage('body', 'content', 'This is no picture that can be read, or only a part of one. Send it again, or another file.');
const tooManyPixels = () =>
  invalidImage('body', 'max_pixels', `A picture may have ${MAX_IMAGE_PIXELS / 1_000_000} million pixels. Send a smaller one.`, { maxPixels: MAX_IMAGE_PIXELS });

/** By the first bytes, as the formats' specifications have them. */
function typeByContent(bytes: Buffer): ImageType | null {
  const text = (from: number, to: number) => bytes.toString('latin1', from, to);
  if (bytes.length < 16) return null;
  if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return 'image/jpeg';
  if (text(0, 8) === '\x89PNG\r\n\x1a\n') return 'image/png';
  if (text(0, 4) === 'RIFF' && text(8, 12) === 'WEBP') return 'image/webp';
  if (text(4, 12) === 'ftypavif') return 'image/avif';
  return null;
}

/** Turned the way its camera was held; only the first of several pictures. */
function open(bytes: Buffer) {
  return sharp(bytes, { limitInputPixels: MAX_IMAGE_PIXELS, failOn: 'truncated', sequentialRead: true }).timeout({ seconds: DECODE_TIMEOUT_S }).autoOrient();
}

export interface Rendition {
  bytes: Buffer;
  width: number;
  height: number;
}

/** A picture that fits into a width, never enlarged. Nothing but pixels comes through: no place, no camera, no time (sharp drops all of it). */
export async function renderImage(bytes: Buffer, format: 'webp' | 'avif', maxWidth: number): Promise<Rendition> {
  const resized = open(bytes).resize({ width: maxWidth, height: maxWidth, fit: 'inside', withoutEnlargement: true });
  const encoded = format === 'webp' ? resized.webp({ quality: 80 }) : resized.avif({ quality: 50, effort: 2 });
  const { data, info } = await encoded.toBuffer({ resolveWithObject: true });
  return { bytes: data, width: info.width, height: info.height };
}
