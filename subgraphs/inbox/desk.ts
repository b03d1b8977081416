import type { LiveFeed } from '../../platform/livefeed.js';
import type { Tx } from '../../platform/postgres.js';

/** What the inbox's commands need besides their transaction: who we are, and who is told that something changed. */
export interface Desk {
  /** Our mailbox, such as `Waygraph <hello@example.com>`. */
  mailFrom: string;
  feed: LiveFeed;
}

export const THREADS_TOPIC = 'inbox:threads';
export const notificationsTopic = (userId: string): string => `inbox:notifications:${userId}`;

/** Hints that threads changed; watchers then read which. */
export function hintThread(tx: Tx, desk: Desk): void {
  tx.afterCommit(() => desk.feed.publish(THREADS_TOPIC));
}

export function hintNotification(tx: Tx, desk: Desk, userId: string): void {
  tx.afterCommit(() => desk.feed.publish(notificationsTopic(userId)));
}
