import { Arg, Ctx, Int, Mutation, Query, Resolver } from 'type-graphql';
import { type ConnectionSource, moneyType } from '../../platform/graphqlTypes.js';
import { publicId, requireUuid } from '../../platform/ids.js';
import type { PaymentsContext } from './context.js';
import { pageById } from './idPages.js';
import { atDesk } from './desk.js';
import { countReviews, findReviews, resolveReview, type ReviewRow } from './reviewCommands.js';
import { runOrRehearse } from './rehearsal.js';
import { PaymentInReview, PaymentInReviewConnection, ResolvePaymentInReviewInput } from './reviewTypes.js';

@Resolver(() => PaymentInReview)
export class ReviewResolver {
  @Query(() => PaymentInReviewConnection, { description: 'Money that gateways told of and that was not credited by itself, the newest first. For admins.' })
  async paymentsInReview(
    @Ctx() ctx: PaymentsContext,
    @Arg('resolved', () => Boolean, { nullable: true, description: 'True: only what was decided; false: only what waits; both when not given.' })
    resolved?: boolean,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<PaymentInReview>> {
    return pageById({
      order: 'PAYMENTS_IN_REVIEW',
      first,
      after,
      find: (page) => ctx.run((tx) => findReviews(tx.orm, resolved ?? null, page)),
      count: () => ctx.run((tx) => countReviews(tx.orm, resolved ?? null)),
      shape: toReview,
    });
  }

  @Mutation(() => PaymentInReview, {
    description:
      'Credits money that was not credited by itself, as much as was paid, or dismisses it. Somebody else’s word stands: CONFLICT. With `dryRun` it shows what would come of it. For admins.',
  })
  async resolvePaymentInReview(
    @Arg('input', () => ResolvePaymentInReviewInput, { description: 'Which one, what becomes of it, and why.' }) input: ResolvePaymentInReviewInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<PaymentInReview> {
    const uuid = requireUuid('whk', input.id, 'payment in review', 'input.id');
    const userId = input.userId == null ? null : requireUuid('usr', input.userId, 'user', 'input.userId');
    const { decision, note } = input;
    return toReview(await runOrRehearse(ctx, input.dryRun, (tx) => resolveReview(atDesk(tx, ctx.loaders.desk), uuid, { decision, userId, note })));
  }
}

function toReview(row: ReviewRow): PaymentInReview {
  const { adapter, orderId, outcome, amountMinor, currency, receivedAt, resolution, note, resolvedAt } = row;
  const amount = amountMinor === null || currency === null ? null : moneyType({ amountMinor, currency });
  return Object.assign(new PaymentInReview(), {
    id: publicId('whk', row.id),
    reason: outcome,
    adapter,
    orderId,
    amount,
    receivedAt,
    resolution,
    note,
    resolvedAt,
  });
}
