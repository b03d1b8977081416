import { hash } from '@node-rs/argon2';
import { systemActor } from '../../platform/actor.js';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { addUser } from './commands.js';
import { userById } from './queries.js';

/** The demo accounts, with fixed ids so that a second run adds nothing. */
export async function seedIdentity(db: Database): Promise<void> {
  const cause = { traceId: '0'.repeat(32), causationId: 'seed' };
  for (const account of Object.values(DEMO_ACCOUNTS)) {
    const present = await inTransaction(systemActor('seed'), db, cause, (tx) => userById(tx.orm, account.id));
    if (present) continue;
    const passwordHash = await hash(DEMO_PASSWORD);
    await inTransaction(systemActor('seed'), db, cause, (tx) => addUser(tx, { ...account, passwordHash, roles: [account.role] }));
  }
}
