import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Resolver, Root, Subscription } from 'type-graphql';
import { userIdOf } from '../../platform/actor.js';
import { Refusal } from '../../platform/errors.js';
import { type ConnectionSource, positiveMoney } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { type PaymentsContext, requirePerson } from './context.js';
import { settleDebt } from './debtCommands.js';
import { assertWalletCurrency } from './depositCommands.js';
import { atDesk } from './desk.js';
import { entriesOf, paymentsByIds, walletsByOwners, type WalletView } from './queries.js';
import { refundPayment, waiveDebt } from './refundCommands.js';
import { runOrRehearse } from './rehearsal.js';
import { toCardRefund, toPayment, toWallet, toWalletEntry } from './shapes.js';
import { watchWallet } from './subscriptions.js';
import { RefundPaymentInput, WaiveDebtInput } from './transferTypes.js';
import { Booking, CardRefund, Payment, Trip, User, Wallet, type WalletEntry, WalletEntryConnection } from './types.js';

const ENTRY_ORDER = 'WALLET_ENTRIES';

@Resolver(() => Wallet)
export class WalletResolver {
  @FieldResolver(() => WalletEntryConnection, { description: 'What moved it, the newest first.' })
  async entries(
    @Root() wallet: Wallet,
    @Ctx() ctx: PaymentsContext,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<WalletEntry>> {
    const page = pageRequest(ENTRY_ORDER, first, after, 1);
    if (page.after && !/^\d{1,18}$/.test(page.after[0] ?? '')) {
      throw new Refusal('VALIDATION_ERROR', 'after: is not a cursor of this list.', { details: { field: 'after', rule: 'cursor' } });
    }
    const rows = await ctx.run((tx) => entriesOf(tx.orm, wallet.accountId, page));
    const result = toPage(rows, page, (row) => encodeCursor(ENTRY_ORDER, [row.number]));
    return {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toWalletEntry(node) })),
      nodes: result.nodes.map(toWalletEntry),
      totalCount: async () => Math.min(Number(wallet.entryCount), 10_000),
    };
  }

  @Subscription(() => Wallet, {
    description: 'Your wallet, after each change of its balance or of what is available. For its owner.',
    subscribe: async ({ context }) => {
      const ctx = context as PaymentsContext;
      const ownerId = userIdOf(ctx.actor);
      if (ownerId === null) throw new Refusal('UNAUTHENTICATED', 'Sign in first: a wallet is shown to its owner.');
      return watchWallet(ctx.feed, ownerId, async () => (await ctx.run((tx) => walletsByOwners(tx.orm, [ownerId])))[0] ?? null);
    },
  })
  walletUpdated(@Root() view: WalletView): Wallet {
    return toWallet(view);
  }
}

@Resolver(() => User)
export class UserWalletResolver {
  @FieldResolver(() => Wallet, {
    nullable: true,
    description: 'Their money with us. For themselves and admins. Null until the account is set up, moments after sign-up.',
  })
  async wallet(@Root() user: User, @Ctx() ctx: PaymentsContext): Promise<Wallet | null> {
    const uuid = uuidOf('usr', user.id);
    const view = uuid && (await ctx.loaders.walletByOwner.load(uuid));
    return view ? toWallet(view) : null;
  }
}

async function paymentOf(ctx: PaymentsContext, type: 'BOOKING' | 'TRIP', uuid: string | null): Promise<Payment | null> {
  const row = uuid && (await ctx.loaders.paymentBySubject.load(`${type}:${uuid}`));
  return row ? toPayment(row) : null;
}

@Resolver(() => Booking)
export class BookingPaymentResolver {
  @FieldResolver(() => Payment, { nullable: true, description: 'What is paid for it. Null until payment has begun, and for those whom it does not concern.' })
  payment(@Root() booking: Booking, @Ctx() ctx: PaymentsContext): Promise<Payment | null> {
    return paymentOf(ctx, 'BOOKING', uuidOf('bkg', booking.id));
  }
}

@Resolver(() => Trip)
export class TripPaymentResolver {
  @FieldResolver(() => Payment, { nullable: true, description: 'What is paid for it. Null until payment has begun, and for those whom it does not concern.' })
  payment(@Root() trip: Trip, @Ctx() ctx: PaymentsContext): Promise<Payment | null> {
    return paymentOf(ctx, 'TRIP', uuidOf('trp', trip.id));
  }
}

@Resolver(() => Payment)
export class DebtResolver {
  @FieldResolver(() => [CardRefund], {
    nullable: true,
    description: 'What the card company was asked to give back, the newest first; at most 100. For admins; FORBIDDEN for others.',
  })
  async refunds(@Root() payment: Payment, @Ctx() ctx: PaymentsContext): Promise<CardRefund[]> {
    const rows = await ctx.loaders.cardRefunds.load(uuidOf('pay', payment.id) ?? '');
    return rows.map(toCardRefund);
  }

  @Mutation(() => Payment, {
    description:
      'Lets a payer off what is owed for a trip or booking that could not be paid; the company bears it, and a driver keeps the earnings. NOTHING_OWED for other ' +
      'payments, also when it was waived before. For admins.',
  })
  async waiveDebt(
    @Arg('input', () => WaiveDebtInput, { description: 'Of which payment, and why.' }) input: WaiveDebtInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Payment> {
    const uuid = requireUuid('pay', input.paymentId, 'payment', 'input.paymentId');
    return toPayment(await runOrRehearse(ctx, input.dryRun, (tx) => waiveDebt(atDesk(tx, ctx.loaders.desk), uuid, input.reason)));
  }

  @Mutation(() => Payment, {
    description:
      'Gives back a part or all of what was taken for a booking or trip, where it came from; what was paid in cash comes into the wallet. A card’s refund shows ' +
      'once its company has answered. A driver keeps the earnings. ABOVE_CAPTURED for more than is left, PAYMENT_STATE when nothing was taken. ' +
      'With `dryRun` it shows the payment as it would be. For admins.',
  })
  async refundPayment(
    @Arg('input', () => RefundPaymentInput, { description: 'Which payment, how much and why.' }) input: RefundPaymentInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Payment> {
    const key = input.dryRun ? null : requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const paymentId = requireUuid('pay', input.paymentId, 'payment', 'input.paymentId');
    const amount = input.amount ? positiveMoney(input.amount, 'input.amount.amount') : null;
    if (amount) assertWalletCurrency(amount.currency);
    const refund = { paymentId, amountMinor: amount?.amountMinor ?? null, reason: input.reason };
    const row = await runOrRehearse(ctx, input.dryRun, async (tx) => {
      const give = async () => (await refundPayment(atDesk(tx, ctx.loaders.desk), refund)).id;
      const id = key === null ? await give() : (await once(tx, { mutation: 'refundPayment', key, input: refund }, give)).entityId;
      return (await paymentsByIds(tx.orm, [id]))[0];
    });
    if (!row) throw new Error('the refunded payment was not found');
    return toPayment(row);
  }

  @Mutation(() => Payment, {
    description:
      'Pays what you owe for a trip, or for changes and charges of a booking, that could not be paid at the time, out of your wallet. Paying twice changes nothing. ' +
      'INSUFFICIENT_FUNDS when the wallet does not hold it: add money first. NOTHING_OWED for other payments.',
  })
  async settleDebt(
    @Arg('paymentId', () => ID, { description: 'Which one: `payment { id }` of the trip or booking, `status` FAILED.' }) paymentId: string,
    @Ctx() ctx: PaymentsContext,
    @Arg('dryRun', () => Boolean, { nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
    dryRun?: boolean,
  ): Promise<Payment> {
    requirePerson(ctx);
    const uuid = requireUuid('pay', paymentId, 'payment', 'paymentId');
    return toPayment(await runOrRehearse(ctx, dryRun, (tx) => settleDebt(atDesk(tx, ctx.loaders.desk), uuid)));
  }
}
