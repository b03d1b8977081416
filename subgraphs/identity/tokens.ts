import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { desc, isNull, or, sql } from 'drizzle-orm';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK, SignJWT } from 'jose';
import { systemActor } from '../../platform/actor.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { setTimer } from '../../platform/timers.js';
import { signingKeys } from './tables.js';

/** Seconds that an access token is good for. */
export const ACCESS_TOKEN_LIFETIME_S = 900;
const ALGORITHM = 'EdDSA';
const KEY_LOCK = 8_114_302;
const JOB = systemActor('identity.keys');
const CAUSE = { traceId: '0'.repeat(32), causationId: 'keys' };

export interface TokenIssuer {
  /** A signed access token for one session. */
  sign(claims: { userId: string; roles: readonly string[]; sessionId: string }, now: Date): Promise<string>;
  /** The public keys that verify tokens which may still be in use. */
  jwks(): Promise<{ keys: JWK[] }>;
  /** Makes a new signing key; tokens of the old one stay good until they expire (ID-06). */
  rotate(tx: Tx): Promise<void>;
}

/** How long a process signs with the key that it knows before it looks for a newer one: far less than an old key stays good. */
const KEY_KNOWN_FOR_MS = 60_000;

/** Signs with the newest key of the database, so that every copy of this service signs and verifies alike; makes the first key itself. */
export async function createTokenIssuer(db: Database, options: { issuer: string; audience: string; secret: string }): Promise<TokenIssuer> {
  const sealKey = createHash('sha256').update(`signing-keys:${options.secret}`).digest();
  let current: { kid: string; key: Awaited<ReturnType<typeof importJWK>>; readAt: number } | null = null;

  const rotate = async (tx: Tx) => {
    const pair = await generateKeyPair('Ed25519', { extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    const retiresAt = new Date(tx.now.getTime() + ACCESS_TOKEN_LIFETIME_S * 2000);
    await tx.orm.update(signingKeys).set({ retiresAt }).where(isNull(signingKeys.retiresAt));
    await tx.orm.insert(signingKeys).values({
      kid,
      publicJwk: JSON.stringify({ ...publicJwk, kid, alg: ALGORITHM, use: 'sig' }),
      privateJwkSealed: seal(JSON.stringify(await exportJWK(pair.privateKey)), sealKey),
      createdAt: tx.now,
    });
    tx.afterCommit(() => {
      current = null;
    });
  };

  const load = () =>
    inTransaction(JOB, db, CAUSE, (tx) =>
      tx.orm
        .select()
        .from(signingKeys)
        .where(or(isNull(signingKeys.retiresAt), sql`${signingKeys.retiresAt} > ${tx.now.toISOString()}::timestamptz`))
        .orderBy(desc(signingKeys.createdAt)),
    );

  const newestKey = async () => {
    if (current && Date.now() - current.readAt < KEY_KNOWN_FOR_MS) return current;
    const [newest] = (await load()).filter((row) => row.retiresAt === null);
    if (!newest) throw new Error('there is no signing key');
    const key = current?.kid === newest.kid ? current.key : await importJWK(JSON.parse(unseal(newest.privateJwkSealed, sealKey)), ALGORITHM);
    current = { kid: newest.kid, key, readAt: Date.now() };
    return current;
  };

  await inTransaction(JOB, db, CAUSE, async (tx) => {
    await tx.orm.execute(sql`select pg_advisory_xact_lock(${KEY_LOCK})`);
    const present = await tx.orm.select({ kid: signingKeys.kid }).from(signingKeys).where(isNull(signingKeys.retiresAt));
    if (present.length > 0) return;
    await rotate(tx);
    await setTimer(tx, { kind: ROTATION_TIMER, key: 'signing', dueAt: nextRotation(tx.now) });
  });
  await newestKey();
  return {
    sign: async (claims, now) => {
      const { kid, key } = await newestKey();
      const issuedAt = Math.floor(now.getTime() / 1000);
      return new SignJWT({ roles: claims.roles, sid: claims.sessionId })
        .setProtectedHeader({ alg: ALGORITHM, kid })
        .setSubject(claims.userId)
        .setIssuer(options.issuer)
        .setAudience(options.audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + ACCESS_TOKEN_LIFETIME_S)
        .sign(key);
    },
    jwks: async () => ({ keys: (await load()).map((row) => JSON.parse(row.publicJwk) as JWK) }),
    rotate,
  };
}

/** The timer that makes a new key every thirty days. */
export const ROTATION_TIMER = 'identity.rotateKeys';
const ROTATE_EVERY_MS = 30 * 86_400_000;

export function nextRotation(now: Date): Date {
  return new Date(now.getTime() + ROTATE_EVERY_MS);
}

function seal(text: string, key: Buffer): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64');
}

/** @throws Error when the secret is not the one that sealed it: INTERNAL_SECRET was changed without rotating the keys */
function unseal(sealed: string, key: Buffer): string {
  const bytes = Buffer.from(sealed, 'base64');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12));
  decipher.setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
}
