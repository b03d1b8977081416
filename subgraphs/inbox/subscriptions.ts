import { Ctx, Resolver, Root, Subscription } from 'type-graphql';
import { hasRole } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import { notificationsTopic, THREADS_TOPIC } from './desk.js';
import { type InboxLoaders, inboxLoaders } from './loaders.js';
import { type NotificationRow, notificationsSince } from './notificationQueries.js';
import { toNotification } from './notificationResolvers.js';
import type { ThreadRow } from './thread.js';
import { threadsChangedSince } from './threadQueries.js';
import { toThread } from './threadResolvers.js';
import { Notification, Thread } from './types.js';
import { watchRows } from './watch.js';

type Ctxt = Context<InboxLoaders>;
/** Rows that one look takes; more within seconds than anybody can read. */
const MAX_LOOK = 500;

const signInFirst = () => new Refusal('UNAUTHENTICATED', 'Sign in first: send `authorization` in the `connection_init` payload.');

/** Shield guards what an event resolves to, not the subscription itself: who may listen is decided here. */
async function watchThreads(ctx: Ctxt): Promise<AsyncIterableIterator<ThreadRow>> {
  const { actor, feed, db, log } = ctx;
  if (actor.kind === 'ANONYMOUS') throw signInFirst();
  if (actor.kind !== 'SYSTEM' && !hasRole(actor, 'ADMIN', 'SUPPORT')) throw new Refusal('FORBIDDEN', 'This needs the role ADMIN or SUPPORT.');
  return watchRows({
    hints: await feed.listen(THREADS_TOPIC),
    read: (since) => ctx.run((tx) => threadsChangedSince(tx.orm, since, MAX_LOOK)),
    stateOf: (row) => `${row.id}:${row.version}`,
    changedAt: (row) => row.updatedAt,
    clock: db.clock,
    log,
  });
}

async function watchNotifications(ctx: Ctxt): Promise<AsyncIterableIterator<NotificationRow>> {
  const { actor, feed, db, log } = ctx;
  if (actor.kind === 'ANONYMOUS') throw signInFirst();
  if (actor.kind !== 'USER') throw new Refusal('FORBIDDEN', 'Notifications are for people.');
  return watchRows({
    hints: await feed.listen(notificationsTopic(actor.id)),
    read: (since) => ctx.run((tx) => notificationsSince(tx.orm, actor.id, since, MAX_LOOK)),
    stateOf: (row) => row.id,
    changedAt: (row) => row.createdAt,
    clock: db.clock,
    log,
  });
}

@Resolver()
export class InboxSubscriptions {
  @Subscription(() => Thread, {
    description: 'Threads as they change: a mail came, somebody answered or closed, an answer was delivered. For admins and support.',
    subscribe: ({ context }) => watchThreads(context as Ctxt) as never,
  })
  threadUpdated(@Root() row: ThreadRow, @Ctx() ctx: Ctxt): Thread {
    // One context serves all events of a subscription: with the loaders of the event before, the thread would show the messages of then.
    ctx.loaders = inboxLoaders(ctx.loaders.desk)(ctx.run);
    return toThread(row);
  }

  @Subscription(() => Notification, {
    description: 'Your own notifications, as they are made.',
    subscribe: ({ context }) => watchNotifications(context as Ctxt) as never,
  })
  notificationReceived(@Root() row: NotificationRow): Notification {
    return toNotification(row);
  }
}
