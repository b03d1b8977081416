import { eq, sql } from 'drizzle-orm';
import type { Tx } from '../../platform/postgres.js';
import type { DeliveryStatus } from './delivery.js';
import { type Desk, hintThread } from './desk.js';
import { messages, threads } from './tables.js';
import { afterUndelivered, type ThreadRow, type ThreadStatus } from './thread.js';
import { lockThread } from './threadQueries.js';

type ThreadChanges = Partial<Pick<ThreadRow, 'status' | 'unread' | 'lastMessageAt' | 'userId' | 'bookingId' | 'tripId' | 'participantName'>>;

/** Changes a thread that the transaction has locked or made; watchers hear of it. */
export async function changeThread(tx: Tx, desk: Desk, id: string, changes: ThreadChanges): Promise<ThreadRow> {
  const [row] = await tx.orm
    .update(threads)
    .set({ ...changes, version: sql`${threads.version} + 1`, updatedAt: tx.now })
    .where(eq(threads.id, id))
    .returning();
  if (!row) throw new Error('the locked thread vanished');
  hintThread(tx, desk);
  return row;
}

/** The thread of a mail shows what became of it; one that did not arrive is our turn again. Nothing for mails outside of threads. */
export async function touchThreadOfDelivery(tx: Tx, desk: Desk, deliveryId: string, status: DeliveryStatus): Promise<void> {
  const [message] = await tx.orm.select({ threadId: messages.threadId }).from(messages).where(eq(messages.deliveryId, deliveryId));
  const thread = message && (await lockThread(tx.orm, message.threadId));
  if (!thread) return;
  const undelivered = ['BOUNCED', 'DEAD', 'SKIPPED'].includes(status);
  await changeThread(tx, desk, thread.id, undelivered ? { status: afterUndelivered(thread.status as ThreadStatus), unread: true } : {});
}
