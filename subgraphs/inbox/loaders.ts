import DataLoader from 'dataloader';
import type { Context } from '../../platform/context.js';
import { deliveryStatuses, type MessageRow } from './deliveryQueries.js';
import type { Desk } from './desk.js';
import type { ThreadRow } from './thread.js';
import { messagesOfThreads, threadsByIds, threadsOfBookings, threadsOfTrips } from './threadQueries.js';

/** Keys are UUIDs. Each batch is one query in a transaction with the actor set: row-level security decides what is there. */
export interface InboxLoaders {
  /** For commands. */
  desk: Desk;
  thread: DataLoader<string, ThreadRow | null>;
  threadOfBooking: DataLoader<string, ThreadRow | null>;
  threadOfTrip: DataLoader<string, ThreadRow | null>;
  messagesOfThread: DataLoader<string, MessageRow[]>;
  deliveryStatus: DataLoader<string, string | null>;
}

export const inboxLoaders =
  (desk: Desk) =>
  (run: Context['run']): InboxLoaders => {
    const byKey = <T, V>(keys: readonly string[], rows: readonly T[], keyOf: (row: T) => string | null, pick: (row: T) => V): (V | null)[] => {
      const found = new Map(rows.map((row) => [keyOf(row), pick(row)]));
      return keys.map((key) => found.get(key) ?? null);
    };
    return {
      desk,
      thread: new DataLoader(async (ids) =>
        byKey(
          ids,
          await run((tx) => threadsByIds(tx.orm, ids)),
          (row) => row.id,
          (row) => row,
        ),
      ),
      threadOfBooking: new DataLoader(async (ids) =>
        byKey(
          ids,
          await run((tx) => threadsOfBookings(tx.orm, ids)),
          (row) => row.bookingId,
          (row) => row,
        ),
      ),
      threadOfTrip: new DataLoader(async (ids) =>
        byKey(
          ids,
          await run((tx) => threadsOfTrips(tx.orm, ids)),
          (row) => row.tripId,
          (row) => row,
        ),
      ),
      messagesOfThread: new DataLoader(async (ids) => {
        const rows = await run((tx) => messagesOfThreads(tx.orm, ids));
        return ids.map((id) => rows.filter((row) => row.threadId === id));
      }),
      deliveryStatus: new DataLoader(async (ids) =>
        byKey(
          ids,
          await run((tx) => deliveryStatuses(tx.orm, ids)),
          (row) => row.id,
          (row) => row.status,
        ),
      ),
    };
  };
