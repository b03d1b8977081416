import { createHash, timingSafeEqual } from 'node:crypto';
import { createLocalJWKSet, errors as joseErrors, type JSONWebKeySet, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { z } from 'zod';
import { type Actor, ANONYMOUS, ROLES, verifyInternalToken } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
import { createBoundedCache } from './boundedCache.js';
import type { ServiceKey } from './config.js';

/** What a client shows of itself: the header values of HTTP, or the same in the `connection_init` payload. */
export interface ShownCredentials {
  authorization: string | undefined;
  apiKey: string | undefined;
}

export interface Identified {
  actor: Actor;
  /** When the token ends, in ms since 1970; null for those that do not end by themselves. */
  expiresAt: number | null;
}

/** @throws Refusal UNAUTHENTICATED for a token or key that is not good, DEPENDENCY_UNAVAILABLE when the keys cannot be read */
export type Authenticate = (shown: ShownCredentials) => Promise<Identified>;

export interface AuthOptions {
  issuer: string;
  audience: string;
  serviceKeys: readonly ServiceKey[];
  /** Signs the tokens with which our own jobs ask the graph (EV-02). */
  internalSecret: string;
  /** Reads the key set that identity publishes; null in a graph without identity, where no token is good. */
  readKeys: (() => Promise<string>) | null;
}

/** Milliseconds between two readings of the key set: a stream of tokens with invented key ids must not hammer identity. */
const REFETCH_EVERY_MS = 5_000;
/** Verified tokens that are remembered, so that a busy client's signature is not checked on each request. */
const MAX_REMEMBERED = 10_000;

const claimsSchema = z.object({
  sub: z.uuid(),
  exp: z.number(),
  roles: z.array(z.enum(ROLES)),
  sid: z.uuid().nullish(),
});

/** Tells who a client is. Nothing shown is anonymous; something bad is refused, never taken for nothing. */
export function createAuthenticator({ issuer, audience, serviceKeys, internalSecret, readKeys }: AuthOptions): Authenticate {
  const verified = createBoundedCache<string, Identified & { expiresAt: number }>(MAX_REMEMBERED);
  const keyFor = cachedKeys(readKeys);

  const fromToken = async (token: string): Promise<Identified> => {
    const known = verified.get(token);
    if (known && known.expiresAt > Date.now()) return known;
    const claims = await verifiedClaims(token, keyFor, { issuer, audience });
    const identified = {
      actor: { kind: 'USER', id: claims.sub, roles: claims.roles, sessionId: claims.sid ?? null } as const,
      expiresAt: claims.exp * 1000,
    };
    verified.set(token, identified);
    return identified;
  };
  const fromApiKey = (key: string): Identified => {
    const hash = createHash('sha256').update(key).digest();
    const match = serviceKeys.find(({ sha256 }) => timingSafeEqual(hash, Buffer.from(sha256, 'hex')));
    if (!match) throw unauthenticated('The API key is not known. Check that it was copied whole and not revoked.');
    return { actor: { kind: 'SERVICE', id: match.name, scopes: match.scopes }, expiresAt: null };
  };

  return async ({ authorization, apiKey }) => {
    const internal = /^Internal +(\S+)$/.exec(authorization ?? '')?.[1];
    if (internal !== undefined) {
      const actor = verifyInternalToken(internal, internalSecret, new Date());
      // Only jobs: a token that was signed for a subgraph in a user's name must not open the public door.
      if (actor?.kind !== 'SYSTEM') throw unauthenticated('The internal token is not valid.');
      return { actor, expiresAt: null };
    }
    if (authorization !== undefined) {
      const token = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
      if (!token) throw unauthenticated('The Authorization header must be "Bearer <access token>".');
      return fromToken(token);
    }
    if (apiKey !== undefined) return fromApiKey(apiKey);
    return { actor: ANONYMOUS, expiresAt: null };
  };
}

async function verifiedClaims(token: string, keyFor: JWTVerifyGetKey, expected: { issuer: string; audience: string }): Promise<z.output<typeof claimsSchema>> {
  try {
    const { payload } = await jwtVerify(token, keyFor, { ...expected, algorithms: ['EdDSA'], requiredClaims: ['exp', 'sub'] });
    const claims = claimsSchema.safeParse(payload);
    if (claims.success) return claims.data;
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error instanceof joseErrors.JWTExpired) throw unauthenticated('The access token has expired. Get a new one with refreshSession.');
  }
  throw unauthenticated('The access token is not valid. Sign in again.');
}

/** Keys by `kid`, read again when an unknown one appears: that is how a rotation gets here without a sign-out (ID-06). */
function cachedKeys(readKeys: (() => Promise<string>) | null): JWTVerifyGetKey {
  let keys: ReturnType<typeof createLocalJWKSet> | null = null;
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | null = null;
  const read = async () => {
    if (!readKeys) return;
    keys = createLocalJWKSet(JSON.parse(await readKeys()) as JSONWebKeySet);
    readAt = Date.now();
  };
  const readOnce = () => {
    // One reading for all who wait for it.
    reading ??= read().finally(() => {
      reading = null;
    });
    return reading;
  };
  return async (header, token) => {
    const find = async () => {
      if (!keys) throw new joseErrors.JWKSNoMatchingKey();
      return keys(header, token);
    };
    if (!keys) await readOnce();
    try {
      return await find();
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey) || Date.now() - readAt < REFETCH_EVERY_MS) throw error;
      await readOnce();
      return find();
    }
  };
}

function unauthenticated(message: string): Refusal {
  return new Refusal('UNAUTHENTICATED', message);
}
