import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Resolver, Root } from 'type-graphql';
import type { Context } from '../../platform/context.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import type { InboxLoaders } from './loaders.js';
import { markNotificationRead } from './notificationCommands.js';
import { countNotifications, findNotifications, type NotificationRow } from './notificationQueries.js';
import { Notification, NotificationConnection, User } from './types.js';

type Ctxt = Context<InboxLoaders>;

/** What a notification's data may name, and the prefix of its public id; the first one that is there is what it is about. */
const SUBJECTS = { bookingId: 'bkg', tripId: 'trp', withdrawalId: 'wdr', depositId: 'dep', flagId: 'flg', reconciliationId: 'rec' } as const;

function aboutOf(data: unknown): string | null {
  for (const [name, prefix] of Object.entries(SUBJECTS)) {
    const uuid = (data as Record<string, unknown>)[name];
    if (typeof uuid === 'string') return publicId(prefix, uuid);
  }
  return null;
}

export function toNotification(row: NotificationRow): Notification {
  const { kind, title, body, readAt, createdAt } = row;
  return Object.assign(new Notification(), { id: publicId('ntf', row.id), kind, title, body, readAt, createdAt, about: aboutOf(row.data) });
}

const ORDER = 'NEWEST';

@Resolver(() => User)
export class NotificationResolver {
  @FieldResolver(() => NotificationConnection, { description: 'What this person was told, the newest first. For the person and admins.' })
  async notifications(
    @Root() user: User,
    @Ctx() ctx: Ctxt,
    @Arg('unreadOnly', () => Boolean, { defaultValue: false, description: 'Without those that are marked as read.' }) unreadOnly: boolean,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Notification>> {
    const userId = requireUuid('usr', user.id, 'user');
    const page = pageRequest(ORDER, first, after, 2);
    const found = await ctx.run((tx) => findNotifications(tx.orm, userId, unreadOnly, page));
    const result = toPage(found, page, (row) => encodeCursor(ORDER, [row.createdAt.toISOString(), row.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toNotification(node) })),
      nodes: result.nodes.map(toNotification),
      totalCount: () => ctx.run((tx) => countNotifications(tx.orm, userId, unreadOnly)),
    };
  }

  @Mutation(() => Notification, { description: 'Marks one of your own notifications as read; repeating it changes nothing.' })
  async markNotificationRead(@Arg('id', () => ID, { description: 'Which notification.' }) id: string, @Ctx() ctx: Ctxt): Promise<Notification> {
    const uuid = requireUuid('ntf', id, 'notification');
    return toNotification(await ctx.run((tx) => markNotificationRead(tx, uuid)));
  }
}

/** UUID of the person whose notifications a `User` shows; null when its id names nobody. */
export function ownerOfUser(user: User): string | null {
  return uuidOf('usr', user.id);
}
