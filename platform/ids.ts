import { randomBytes } from 'node:crypto';
import { fromString, fromUUID, getType, toUUID } from 'typeid-js';
import { notFound } from './errors.js';

/**
 * A fresh UUIDv7 (RFC 9562): the first 48 bits are the time in milliseconds, so that rows of one table lie in the index in the order they were
 * made.
 */
export function newUuid(now: Date = new Date()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(now.getTime(), 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The public id of a row: `bkg_01h455vb4pex5vsknk084sn02q`. */
export function publicId(prefix: string, uuid: string): string {
  return fromUUID(uuid, prefix).toString();
}

/** The UUID in a public id, or null when the text is no id of that kind: then it names nothing. */
export function uuidOf(prefix: string, id: string): string | null {
  try {
    const parsed = fromString(id);
    return getType(parsed) === prefix ? toUUID(parsed) : null;
  } catch {
    return null;
  }
}

/** The UUID in a public id. @throws Refusal NOT_FOUND: an id of another kind, or a malformed one, names no such thing */
export function requireUuid(prefix: string, id: string, what: string, field = 'id'): string {
  const uuid = uuidOf(prefix, id);
  if (uuid === null) throw notFound(what, field);
  return uuid;
}
