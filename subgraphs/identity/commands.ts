import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { describeActor } from '../../platform/actor.js';
import { parseInput, Refusal, sqlState } from '../../platform/errors.js';
import { newUuid } from '../../platform/ids.js';
import { appendEvent } from '../../platform/outbox.js';
import type { Tx } from '../../platform/postgres.js';
import { userRegistered } from './events.js';
import { blockSeconds, hashToken, normalisePhone, signInSchema, signUpSchema } from './person.js';
import { type UserRow, userByAccount, userById } from './queries.js';
import { auditEvents, refreshTokens, sessions, signInFailures, users } from './tables.js';

const DAY_MS = 86_400_000;
const SESSION_LIFETIME_MS = 30 * DAY_MS;
/** argon2id as OWASP advises for servers: 19 MiB, two passes. @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html */
const ARGON2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** Verified for an unknown account, so that its answer takes as long as that for a known one (ID-03). */
const NOBODYS_HASH = hash(randomBytes(16).toString('hex'), ARGON2);

export interface OpenedSession {
  user: UserRow;
  sessionId: string;
  refreshToken: string;
}

/** Hashing takes tens of milliseconds of a core: done before the transaction begins, which would hold a connection meanwhile. */
export async function prepareSignUp(input: z.input<typeof signUpSchema>) {
  const { password, ...person } = parseInput(signUpSchema, input);
  return { ...person, passwordHash: await hash(password, ARGON2) };
}

/** Makes an account and its first session. @throws Refusal CONFLICT when the address or number is taken */
export async function signUp(tx: Tx, person: Awaited<ReturnType<typeof prepareSignUp>>): Promise<OpenedSession> {
  const user = await addUser(tx, { ...person, id: newUuid(tx.now), roles: [person.role] });
  await audit(tx, user.id, 'SIGNED_UP');
  return openSession(tx, user);
}

/** Adds a person and tells the others. @throws Refusal CONFLICT when the address or number is taken */
export async function addUser(
  tx: Tx,
  person: { id: string; email?: string | null; phone?: string | null; name: string; passwordHash: string; roles: string[] },
): Promise<UserRow> {
  const { id, email = null, phone = null, name, passwordHash, roles } = person;
  let inserted: UserRow[];
  try {
    inserted = await tx.orm.insert(users).values({ id, email, phone, name, passwordHash, roles, createdAt: tx.now }).returning();
  } catch (error) {
    if (sqlState(error) !== '23505') throw error;
    const field = String((error as { cause?: { constraint_name?: string } }).cause?.constraint_name).includes('phone') ? 'phone' : 'email';
    throw new Refusal('CONFLICT', `There is an account with this ${field} already. Sign in instead.`, { details: { field: `input.${field}`, rule: 'taken' } });
  }
  const [user] = inserted;
  if (!user) throw new Error('the user was not inserted');
  await appendEvent(tx, userRegistered, id, { userId: id, roles });
  return user;
}

const wrongCredentials = () =>
  new Refusal('UNAUTHENTICATED', 'That e-mail or phone and that password do not belong together. Check both, or sign up.', {
    details: { rule: 'credentials' },
  });

export interface SignInAttempt {
  account: string;
  email: string | null;
  phone: string | null;
  password: string;
}

export function readSignIn(input: z.input<typeof signInSchema>): SignInAttempt {
  const { email, phone, password } = parseInput(signInSchema, input);
  const number = phone ? normalisePhone(phone) : null;
  return { account: hashToken(email || number || ''), email: email || null, phone: number, password };
}

/** First half of a sign-in: who it may be. @throws Refusal RATE_LIMITED with retryAfter while the account rests after failures */
export async function findForSignIn(tx: Tx, attempt: SignInAttempt): Promise<UserRow | null> {
  const [failed] = await tx.orm.select().from(signInFailures).where(eq(signInFailures.account, attempt.account));
  if (failed && failed.blockedUntil > tx.now) {
    const retryAfter = Math.ceil((failed.blockedUntil.getTime() - tx.now.getTime()) / 1000);
    throw new Refusal('RATE_LIMITED', `Too many failed sign-ins. Try again in ${retryAfter} s.`, { retryAfter });
  }
  return (await userByAccount(tx.orm, attempt)) ?? null;
}

/** Between the halves, outside any transaction. Takes the same time for an unknown account. */
export async function passwordFits(user: UserRow | null, password: string): Promise<boolean> {
  const fits = await verify(user?.passwordHash ?? (await NOBODYS_HASH), password);
  return fits && user !== null;
}

/** Second half of a failed sign-in: counts it, and makes the account rest for longer and longer. */
export async function recordFailure(tx: Tx, attempt: SignInAttempt, user: UserRow | null): Promise<Refusal> {
  const [row] = await tx.orm
    .insert(signInFailures)
    .values({ account: attempt.account, failures: 1, blockedUntil: tx.now })
    .onConflictDoUpdate({ target: signInFailures.account, set: { failures: sql`${signInFailures.failures} + 1` } })
    .returning({ failures: signInFailures.failures });
  const seconds = blockSeconds(row?.failures ?? 1);
  await tx.orm
    .update(signInFailures)
    .set({ blockedUntil: new Date(tx.now.getTime() + seconds * 1000) })
    .where(eq(signInFailures.account, attempt.account));
  if (user) await audit(tx, user.id, 'SIGN_IN_FAILED');
  return wrongCredentials();
}

/** Second half of a good sign-in. */
export async function signIn(tx: Tx, attempt: SignInAttempt, user: UserRow): Promise<OpenedSession> {
  await tx.orm.delete(signInFailures).where(eq(signInFailures.account, attempt.account));
  await audit(tx, user.id, 'SIGNED_IN');
  return openSession(tx, user);
}

/**
 * Trades a refresh token for a new one (ID-02). One that was used before means that somebody has a copy: the whole session ends. The caller commits
 * the revocation even though the client gets a refusal, so it is returned, not thrown.
 */
export async function refreshSession(tx: Tx, token: string): Promise<OpenedSession | Refusal> {
  const invalid = new Refusal('UNAUTHENTICATED', 'This refresh token is not good any more. Sign in again.', { details: { field: 'refreshToken' } });
  const [found] = await tx.orm
    .select()
    .from(refreshTokens)
    .where(eq(refreshTokens.hash, hashToken(token)))
    .for('update');
  if (!found) return invalid;
  const [session] = await tx.orm.select().from(sessions).where(eq(sessions.id, found.sessionId)).for('update');
  if (!session || session.revokedAt || session.expiresAt <= tx.now) return invalid;
  if (found.usedAt) {
    await revokeSession(tx, session.id, 'REFRESH_TOKEN_REUSED');
    await audit(tx, session.userId, 'REFRESH_TOKEN_REUSED');
    return invalid;
  }
  const user = await userById(tx.orm, session.userId);
  if (!user) return invalid;
  await tx.orm.update(refreshTokens).set({ usedAt: tx.now }).where(eq(refreshTokens.hash, found.hash));
  await tx.orm
    .update(sessions)
    .set({ expiresAt: new Date(tx.now.getTime() + SESSION_LIFETIME_MS) })
    .where(eq(sessions.id, session.id));
  return { user, sessionId: session.id, refreshToken: await issueRefreshToken(tx, session.id) };
}

/** Ends one session. Its access token stays good until it expires, 15 minutes at most. */
export async function revokeSession(tx: Tx, sessionId: string, because: string): Promise<void> {
  await tx.orm
    .update(sessions)
    .set({ revokedAt: tx.now, revokedBecause: because })
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)));
}

/** Ends every session of a person. */
export async function revokeAllSessions(tx: Tx, userId: string): Promise<void> {
  await tx.orm
    .update(sessions)
    .set({ revokedAt: tx.now, revokedBecause: 'SIGNED_OUT_EVERYWHERE' })
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt)));
}

async function openSession(tx: Tx, user: UserRow): Promise<OpenedSession> {
  const sessionId = newUuid(tx.now);
  await tx.orm.insert(sessions).values({ id: sessionId, userId: user.id, createdAt: tx.now, expiresAt: new Date(tx.now.getTime() + SESSION_LIFETIME_MS) });
  return { user, sessionId, refreshToken: await issueRefreshToken(tx, sessionId) };
}

async function issueRefreshToken(tx: Tx, sessionId: string): Promise<string> {
  const token = `wgr_${randomBytes(32).toString('base64url')}`;
  await tx.orm.insert(refreshTokens).values({ hash: hashToken(token), sessionId, createdAt: tx.now });
  return token;
}

export async function audit(tx: Tx, userId: string, kind: string): Promise<void> {
  await tx.orm.insert(auditEvents).values({ id: newUuid(tx.now), userId, kind, actor: describeActor(tx.actor), traceId: tx.cause.traceId, at: tx.now });
}
