import { systemActor } from '../../platform/actor.js';
import { DEMO_ACCOUNTS } from '../../platform/demoAccounts.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import type { Desk } from './desk.js';
import { storeProviderEvent } from './providerEventCommands.js';

const DEMO_MAILS = [
  {
    account: DEMO_ACCOUNTS.customer,
    subject: 'Can I add a second driver?',
    text: 'Hello,\n\nI would like to add my sister as a second driver. What do you need?\n\nMona',
  },
  {
    account: DEMO_ACCOUNTS.customer2,
    subject: 'Forgot my sunglasses',
    text: 'Hi, I think I left my sunglasses in the car yesterday. Did anybody find them?\n\nKarim',
  },
];

/** Two mails of the demo customers, as the provider would bring them; their ids are fixed, so that a second run adds nothing. */
export async function seedInbox(db: Database, desk: Desk): Promise<void> {
  const cause = { traceId: '0'.repeat(32), causationId: 'seed' };
  await inTransaction(systemActor('seed'), db, cause, async (tx) => {
    for (const [index, { account, subject, text }] of DEMO_MAILS.entries()) {
      const emailId = `seed-${index + 1}`;
      const data = { email_id: emailId, from: `${account.name} <${account.email}>`, to: [desk.mailFrom], subject, message_id: `<${emailId}@demo.test>`, text };
      await storeProviderEvent(tx, {
        eventId: `seed_${index + 1}`,
        type: 'email.received',
        emailId,
        payload: { type: 'email.received', created_at: tx.now.toISOString(), data },
      });
    }
  });
}
