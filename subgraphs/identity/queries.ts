import { and, desc, eq, gt, inArray, isNull, sql } from 'drizzle-orm';
import type { Orm } from '../../platform/postgres.js';
import { sessions, users } from './tables.js';

export type UserRow = typeof users.$inferSelect;
/** A person as row-level security lets the actor see them: oneself, or anybody for admins. */
export type Profile = Omit<UserRow, 'passwordHash'>;

const profileColumns = { id: users.id, email: users.email, phone: users.phone, name: users.name, roles: users.roles, createdAt: users.createdAt };

export async function profilesByIds(orm: Orm, ids: readonly string[]): Promise<Profile[]> {
  return orm
    .select(profileColumns)
    .from(users)
    .where(inArray(users.id, [...ids]));
}

/** Names alone, past row-level security: for references that came over an edge which has checked that they may be known (ID-07b). */
export async function namesByIds(orm: Orm, ids: readonly string[]): Promise<{ id: string; name: string }[]> {
  return orm.execute<{ id: string; name: string }>(sql`select id, name from user_names(${`{${ids.join(',')}}`}::uuid[])`);
}

export async function userByAccount(orm: Orm, account: { email?: string | null; phone?: string | null }): Promise<UserRow | undefined> {
  const [row] = await orm
    .select()
    .from(users)
    .where(account.email ? eq(users.email, account.email) : eq(users.phone, account.phone ?? ''));
  return row;
}

export async function userById(orm: Orm, id: string): Promise<UserRow | undefined> {
  const [row] = await orm.select().from(users).where(eq(users.id, id));
  return row;
}

/** Sessions that still run, the newest first. Nobody has more devices than this; a loop of sign-ins may. */
const MAX_SESSIONS = 100;

export async function liveSessions(orm: Orm, userId: string, now: Date): Promise<{ id: string; createdAt: Date; expiresAt: Date }[]> {
  return orm
    .select({ id: sessions.id, createdAt: sessions.createdAt, expiresAt: sessions.expiresAt })
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt), gt(sessions.expiresAt, now)))
    .orderBy(desc(sessions.createdAt))
    .limit(MAX_SESSIONS);
}
