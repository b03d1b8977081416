import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { Context } from '../../platform/context.js';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import type { DeliveryRow, DeliveryStatus as Status } from './delivery.js';
import { discardDelivery, retryAllDeliveries, retryDelivery } from './deliveryCommands.js';
import { countDeliveries, findDeliveries } from './deliveryQueries.js';
import type { InboxLoaders } from './loaders.js';
import { DeliveryStatus, MailDelivery, MailDeliveryConnection, User } from './types.js';

type Ctxt = Context<InboxLoaders>;
const ORDER = 'NEWEST';

export function toDelivery(row: DeliveryRow): MailDelivery {
  const { kind, status, toAddress, skipReason, attempts, providerId, sentAt, createdAt } = row;
  return Object.assign(new MailDelivery(), {
    ...{ kind, status, toAddress, skipReason, attempts, providerId, sentAt, createdAt },
    id: publicId('dlv', row.id),
    toUser: row.toUserId && Object.assign(new User(), { id: publicId('usr', row.toUserId) }),
    nextAttemptAt: status === 'PENDING' ? row.nextAttemptAt : null,
    lastError: row.failures.at(-1)?.reason ?? null,
    failures: row.failures.map((failure) => ({ ...failure, at: new Date(failure.at) })),
  });
}

@Resolver(() => MailDelivery)
export class DeliveryResolver {
  @Query(() => MailDeliveryConnection, { description: 'Mails of ours on their way, the newest first; `status: DEAD` are the dead letters. For admins.' })
  async deliveries(
    @Ctx() ctx: Ctxt,
    @Arg('status', () => DeliveryStatus, { nullable: true, description: 'Only of this status.' }) status?: Status,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<MailDelivery>> {
    const page = pageRequest(ORDER, first, after, 2);
    const found = await ctx.run((tx) => findDeliveries(tx.orm, status ?? null, page));
    const result = toPage(found, page, (row) => encodeCursor(ORDER, [row.createdAt.toISOString(), row.id]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toDelivery(node) })),
      nodes: result.nodes.map(toDelivery),
      totalCount: () => ctx.run((tx) => countDeliveries(tx.orm, status ?? null)),
    };
  }

  @Mutation(() => MailDelivery, { description: 'Sends a dead letter again, under the same key: a mail that did arrive is not sent twice. For admins.' })
  async retryDelivery(@Arg('id', () => ID, { description: 'Which delivery.' }) id: string, @Ctx() ctx: Ctxt): Promise<MailDelivery> {
    const uuid = requireUuid('dlv', id, 'delivery');
    return toDelivery(await ctx.run((tx) => retryDelivery(tx, ctx.loaders.desk, uuid)));
  }

  @Mutation(() => Int, { description: 'Sends all dead letters again, the oldest 500 at a time; answers how many. For admins.' })
  async retryAllDeliveries(@Ctx() ctx: Ctxt): Promise<number> {
    return ctx.run((tx) => retryAllDeliveries(tx, ctx.loaders.desk));
  }

  @Mutation(() => MailDelivery, { description: 'Gives up a mail that is dead or still to be sent. For admins.' })
  async discardDelivery(@Arg('id', () => ID, { description: 'Which delivery.' }) id: string, @Ctx() ctx: Ctxt): Promise<MailDelivery> {
    const uuid = requireUuid('dlv', id, 'delivery');
    return toDelivery(await ctx.run((tx) => discardDelivery(tx, ctx.loaders.desk, uuid)));
  }
}
