import { createHash } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describeActor } from './actor.js';
import { Refusal } from './errors.js';
import type { Tx } from './postgres.js';

const MAX_KEY_LENGTH = 200;

/** Equal for equal inputs whatever the order of their fields; the selection is no part of it (GW-26). */
function hashOf(input: unknown): string {
  const ordered = JSON.stringify(input, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash('sha256').update(ordered).digest('base64url');
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
 * concurrent repeat waits for the first to commit. `effect` returns the UUID of the entity that it made or changed.
 * @throws Refusal IDEMPOTENCY_KEY_REUSED when the key was used with another input
 */
export async function once(
  tx: Tx,
  call: { mutation: string; key: string; input: unknown },
  effect: () => Promise<string>,
): Promise<{ entityId: string; replayed: boolean }> {
  const actor = describeActor(tx.actor);
  const requestHash = hashOf(call.input);
  const claimed = await tx.orm.execute(sql`insert into idempotency_keys (actor, mutation, key, request_hash, created_at)
    values (${actor}, ${call.mutation}, ${call.key}, ${requestHash}, ${tx.now.toISOString()}::timestamptz) on conflict do nothing returning 1 as claimed`);
  if (claimed.length === 0) {
    const [first] = await tx.orm.execute<{ request_hash: string; entity_id: string | null }>(
      sql`select request_hash, entity_id from idempotency_keys where actor = ${actor} and mutation = ${call.mutation} and key = ${call.key}`,
    );
    if (first?.request_hash !== requestHash) {
      throw new Refusal('IDEMPOTENCY_KEY_REUSED', 'This idempotency key was used before with another input. Use a new key for a new intent.', {
        details: { field: 'input.idempotencyKey', rule: 'reused' },
      });
    }
    if (!first.entity_id) throw new Error('an idempotency key committed without its entity');
    return { entityId: first.entity_id, replayed: true };
  }
  const entityId = await effect();
  await tx.orm.execute(sql`update idempotency_keys set entity_id = ${entityId}::uuid
    where actor = ${actor} and mutation = ${call.mutation} and key = ${call.key}`);
  return { entityId, replayed: false };
}
