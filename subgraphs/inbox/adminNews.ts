import { asc } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { Desk } from './desk.js';
import { type News, tell } from './notificationCommands.js';
import { admins } from './tables.js';

/** How many people at most are told of one thing that is for admins. */
const MAX_ADMINS = 100;

/** Keeps who the admins are, from identity's word (EV-01): what is for admins is told to each of them. */
export async function keepAdmin(tx: Tx, person: { userId: string; roles: readonly string[] }): Promise<void> {
  if (!person.roles.includes('ADMIN')) return;
  await tx.orm.insert(admins).values({ userId: person.userId, since: tx.now }).onConflictDoNothing();
}

/** Tells every admin something, in the order in which they became one. */
export async function tellAdmins(tx: Tx, desk: Desk, news: Omit<News, 'userId'>): Promise<void> {
  const found = await tx.orm.select({ userId: admins.userId }).from(admins).orderBy(asc(admins.since), asc(admins.userId)).limit(MAX_ADMINS);
  for (const { userId } of found) await tell(tx, desk, { ...news, userId });
}
