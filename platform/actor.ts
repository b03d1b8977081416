import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

export const ROLES = ['CUSTOMER', 'DRIVER', 'ADMIN', 'SUPPORT', 'PARTNER'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Who acts. `ANONYMOUS` may read public fields; `USER` is a person with roles; `SERVICE` is an API key of a machine with scopes;
 * `SYSTEM` is a job of ours, and may do what the saga asks for.
 */
export type Actor =
  | { kind: 'ANONYMOUS' }
  | { kind: 'USER'; id: string; roles: readonly Role[]; sessionId: string | null }
  | { kind: 'SERVICE'; id: string; scopes: readonly string[] }
  | { kind: 'SYSTEM'; job: string };

export const ANONYMOUS: Actor = { kind: 'ANONYMOUS' };

/** The actor of a job. The name shows in event metadata and logs, so that one can tell which job did it. */
export function systemActor(job: string): Actor {
  return { kind: 'SYSTEM', job };
}

export function hasRole(actor: Actor, ...roles: readonly Role[]): boolean {
  return actor.kind === 'USER' && actor.roles.some((role) => roles.includes(role));
}

/** Admins and jobs of ours: they may see what belongs to somebody else. */
export function isPrivileged(actor: Actor): boolean {
  return actor.kind === 'SYSTEM' || hasRole(actor, 'ADMIN');
}

/** UUID of the person, or null for anonymous, services and jobs. */
export function userIdOf(actor: Actor): string | null {
  return actor.kind === 'USER' ? actor.id : null;
}

/** Whether the actor is this person, an admin, or a job. */
export function isSelfOrPrivileged(actor: Actor, userId: string): boolean {
  return userIdOf(actor) === userId || isPrivileged(actor);
}

/** A short text for logs and event metadata: an id or a job, never a name or an address. */
export function describeActor(actor: Actor): string {
  switch (actor.kind) {
    case 'ANONYMOUS':
      return 'anonymous';
    case 'USER':
      return `user:${actor.id}`;
    case 'SERVICE':
      return `service:${actor.id}`;
    case 'SYSTEM':
      return `system:${actor.job}`;
  }
}

const actorSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ANONYMOUS') }),
  z.object({ kind: z.literal('USER'), id: z.uuid(), roles: z.array(z.enum(ROLES)), sessionId: z.uuid().nullable() }),
  z.object({ kind: z.literal('SERVICE'), id: z.string(), scopes: z.array(z.string()) }),
  z.object({ kind: z.literal('SYSTEM'), job: z.string() }),
]);
const claimsSchema = z.object({ actor: actorSchema, exp: z.number() });

/** Seconds that an internal token is good for: long enough for a slow fetch, too short to be worth stealing. */
const INTERNAL_TOKEN_LIFETIME_S = 60;
const HEADER = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'wg+jwt' })).toString('base64url');

function signature(signed: string, secret: string): Buffer {
  return createHmac('sha256', secret).update(signed).digest();
}

/**
 * Signs who is calling, for the way from the gateway to a subgraph (GW-21). A JWS in compact form, made with node:crypto because it stands on
 * the path of every fetch and jose's is asynchronous.
 */
export function signInternalToken(actor: Actor, secret: string, now: Date): string {
  const claims = { actor, exp: Math.floor(now.getTime() / 1000) + INTERNAL_TOKEN_LIFETIME_S };
  const signed = `${HEADER}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`;
  return `${signed}.${signature(signed, secret).toString('base64url')}`;
}

/** The actor of an internal token, or null when it is missing, forged, malformed or expired. */
export function verifyInternalToken(token: string | undefined, secret: string, now: Date): Actor | null {
  const [header, payload, mac, ...rest] = token?.split('.') ?? [];
  if (header !== HEADER || !payload || !mac || rest.length > 0) return null;
  const given = Buffer.from(mac, 'base64url');
  const expected = signature(`${header}.${payload}`, secret);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return null;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return null;
  }
  const parsed = claimsSchema.safeParse(claims);
  return parsed.success && parsed.data.exp > now.getTime() / 1000 ? parsed.data.actor : null;
}
