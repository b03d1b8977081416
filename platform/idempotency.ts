import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describeActor } from './actor.js';
import { PLATFORM_CODES, Refusal } from './errors.js';
import { KeptRefusal, type Tx } from './postgres.js';

const MAX_KEY_LENGTH = 200;

const FIELD_HASH_LENGTH = 16;
/** Fields that are compared one by one; what is beyond them is one more. */
const MAX_FIELDS = 60;

/** Equal for equal inputs whatever the order of their fields; the selection is no part of it (GW-26). */
function hashOf(input: unknown): string {
  const ordered = JSON.stringify(input, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (!isPlain(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256')
    .update(ordered ?? '')
    .digest('base64url');
}

const isPlain = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Date);

/** What of an input is kept with its key: a hash per field, by the field's path, so that a reuse can be told which of them differ. No values. */
function fingerprint(key: string, input: unknown): Record<string, string> {
  const fields = leaves('', input).sort(([a], [b]) => (a < b ? -1 : 1));
  const shown: [string, unknown][] = fields.slice(0, MAX_FIELDS);
  if (fields.length > MAX_FIELDS) shown.push(['…', fields.slice(MAX_FIELDS)]);
  return Object.fromEntries(shown.map(([path, value]) => [path, hashOf([key, path, value]).slice(0, FIELD_HASH_LENGTH)]));
}

/** Fields that are not set are like those that are null, and no fields. A list is one field. */
function leaves(path: string, value: unknown): [string, unknown][] {
  if (value === null || value === undefined) return [];
  if (!isPlain(value)) return [[path || 'input', value]];
  return Object.entries(value).flatMap(([name, inner]) => leaves(path ? `${path}.${name}` : name, inner));
}

/** The fields that differ between a kept fingerprint and a new one; null when none does. Keys from before fields were kept apart have one hash of all. */
function differences(kept: string, input: unknown, present: Record<string, string>): string[] | null {
  if (!kept.startsWith('{')) return kept === hashOf(input) ? null : [];
  const before = JSON.parse(kept) as Record<string, string>;
  const names = new Set([...Object.keys(before), ...Object.keys(present)]);
  const changed = [...names].filter((name) => before[name] !== present[name]).sort();
  return changed.length > 0 ? changed : null;
}

/** The key from the input, or else from the header. @throws Refusal IDEMPOTENCY_KEY_REQUIRED, VALIDATION_ERROR for a key that is too long */
export function requireIdempotencyKey(fromInput: string | null | undefined, fromHeader: string | null): string {
  const key = fromInput ?? fromHeader;
  if (!key) {
    throw new Refusal(
      'IDEMPOTENCY_KEY_REQUIRED',
      'This mutation moves money or makes something that must not be made twice. Send an `idempotencyKey` (any text that is new for each intent) or the `Idempotency-Key` header.',
      {
        details: { field: 'input.idempotencyKey', rule: 'required' },
      },
    );
  }
  if (key.length > MAX_KEY_LENGTH) {
    throw new Refusal('VALIDATION_ERROR', `idempotencyKey: must not be longer than ${MAX_KEY_LENGTH} characters.`, {
      details: { field: 'input.idempotencyKey', rule: 'too_long' },
    });
  }
  return key;
}

/**
 * Runs an effect once per (actor, mutation, key), in the transaction of the effect itself (PL-04). A repeat gets the first call's entity; a
 * concurrent repeat waits for the first to commit. `effect` returns the UUID of the entity that it made or changed. A domain's own refusal is an answer as well:
 * a repeat gets it again. `ahead` are statements that the effect begins with: sent in the same message as the key, they come after it and are of no use when
 * somebody has used it. They must be sent at once, one after the other without waiting, and only read and lock. What the platform refuses (malformed, forbidden, not found, CONFLICT, too busy) decided nothing, and is not kept.
 * @throws Refusal IDEMPOTENCY_KEY_REUSED when the key was used with another input; it names the fields that differ, never their values
 */
export async function once<Read = undefined>(
  tx: Tx,
  call: { mutation: string; key: string; input: unknown },
  effect: (read: Read) => Promise<string>,
  ahead?: () => Promise<Read>,
): Promise<{ entityId: string; replayed: boolean }> {
  const actor = describeActor(tx.actor);
  const present = fingerprint(call.key, call.input);
  const [isFirst, read] = await Promise.all([claim(tx, { ...call, actor, present }, null), ahead?.() as Promise<Read>]);
  if (!isFirst) return replay(tx, { ...call, actor, present });
  try {
    const entityId = await effect(read);
    await tx.prepared('update idempotency_keys set entity_id = $1::uuid where actor = $2 and mutation = $3 and key = $4', [
      entityId,
      actor,
      call.mutation,
      call.key,
    ]);
    return { entityId, replayed: false };
  } catch (error) {
    if (!(error instanceof Refusal) || !isAnswer(error)) throw error;
    throw new KeptRefusal(error, (later) => claim(later, { ...call, actor, present }, error));
  }
}

interface Claim {
  actor: string;
  mutation: string;
  key: string;
  input: unknown;
  present: Record<string, string>;
}

const CLAIM = `insert into idempotency_keys (actor, mutation, key, request_hash, refusal, created_at)
  values ($1, $2, $3, $4, $5::text::jsonb, $6::timestamptz) on conflict do nothing returning 1 as claimed`;

/** Takes a key that nobody has, with its answer if that is a refusal. Says whether it did. Waits for whoever is about to take it. */
async function claim(tx: Tx, { actor, mutation, key, present }: Claim, refusal: Refusal | null): Promise<boolean> {
  const kept = refusal && JSON.stringify({ code: refusal.code, message: refusal.message, details: refusal.details });
  const claimed = await tx.prepared(CLAIM, [actor, mutation, key, JSON.stringify(present), kept, tx.now.toISOString()]);
  return claimed.length > 0;
}

async function replay(tx: Tx, { actor, mutation, key, input, present }: Claim): Promise<{ entityId: string; replayed: boolean }> {
  const [first] = await tx.orm.execute<{ request_hash: string; entity_id: string | null; refusal: KeptAnswer | null }>(
    sql`select request_hash, entity_id, refusal from idempotency_keys where actor = ${actor} and mutation = ${mutation} and key = ${key}`,
  );
  if (!first) throw new Error('an idempotency key has gone while it was looked at');
  const changed = differences(first.request_hash, input, present);
  if (changed) {
    const what = changed.length > 0 ? `it differs in ${changed.join(', ')}` : 'with another input';
    throw new Refusal('IDEMPOTENCY_KEY_REUSED', `This idempotency key was used before: ${what}. Use a new key for a new intent.`, {
      details: { field: 'input.idempotencyKey', rule: 'reused', differs: changed },
    });
  }
  if (first.refusal) {
    const { code, message, details } = first.refusal;
    throw new Refusal(code, `${message} This is the first answer to this idempotency key: to have it decided anew, use a new key.`, {
      details: { ...details, replayed: true },
    });
  }
  if (!first.entity_id) throw new Error('an idempotency key committed without its entity');
  return { entityId: first.entity_id, replayed: true };
}

interface KeptAnswer {
  code: string;
  message: string;
  details?: Record<string, unknown>;
}

/** Whether a refusal is what a rule of a domain decided. One that asks to try again has decided nothing. */
function isAnswer(refusal: Refusal): boolean {
  return refusal.retryAfter === undefined && !PLATFORM_REFUSALS.has(refusal.code);
}
const PLATFORM_REFUSALS: ReadonlySet<string> = new Set(PLATFORM_CODES);
