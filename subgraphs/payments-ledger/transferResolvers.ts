import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { CalendarDate, type ConnectionSource, moneyType, positiveMoney } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { type PaymentsContext, requirePerson } from './context.js';
import { initiateDeposit } from './depositCommands.js';
import { pageById } from './idPages.js';
import { atDesk } from './desk.js';
import { countWithdrawals, depositsByIds, findWithdrawals, withdrawalsByIds } from './queries.js';
import { bookDay, depositOrders, reconcile, settlementAround } from './reconciliationCommands.js';
import { runOrRehearse } from './rehearsal.js';
import { toDeposit, toReconciliation, toWithdrawal } from './shapes.js';
import {
  ConfirmPayoutInput,
  Deposit,
  FailPayoutInput,
  InitiateDepositInput,
  Reconciliation,
  RequestWithdrawalInput,
  Withdrawal,
  WithdrawalConnection,
  WithdrawalStatusEnum,
} from './transferTypes.js';
import type { WithdrawalStatus } from './withdrawal.js';
import { approveWithdrawal, confirmPayout, failPayout, lookAtOwner, rejectWithdrawal, requestWithdrawal } from './withdrawalCommands.js';

@Resolver(() => Deposit)
export class DepositResolver {
  @Query(() => Deposit, { nullable: true, description: 'One of your own deposits; null when there is none.' })
  async deposit(@Arg('id', () => ID, { description: 'Which one.' }) id: string, @Ctx() ctx: PaymentsContext): Promise<Deposit | null> {
    const uuid = uuidOf('dep', id);
    const row = uuid && (await ctx.loaders.deposit.load(uuid));
    return row ? toDeposit(row, ctx.loaders.deposits) : null;
  }

  @Mutation(() => Deposit, { description: 'Begins to put money into your wallet: open `paymentUrl` and pay there; `walletUpdated` tells when it has arrived.' })
  async initiateDeposit(
    @Arg('input', () => InitiateDepositInput, { description: 'How much.' }) input: InitiateDepositInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Deposit> {
    const userId = requirePerson(ctx);
    const key = requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const amount = positiveMoney(input.amount, 'input.amount.amount');
    const { adapter } = ctx.loaders.deposits;
    return ctx.run(async (tx) => {
      const { entityId } = await once(tx, { mutation: 'initiateDeposit', key, input: { amount: moneyType(amount) } }, () =>
        initiateDeposit(tx, { userId, amount, adapter }),
      );
      const [row] = await depositsByIds(tx.orm, [entityId]);
      if (!row) throw new Error('the deposit was not found');
      return toDeposit(row, ctx.loaders.deposits);
    });
  }
}

@Resolver(() => Withdrawal)
export class WithdrawalResolver {
  @Query(() => Withdrawal, { nullable: true, description: 'One of your own withdrawals; admins see all. Null when there is none.' })
  async withdrawal(@Arg('id', () => ID, { description: 'Which one.' }) id: string, @Ctx() ctx: PaymentsContext): Promise<Withdrawal | null> {
    const uuid = uuidOf('wdr', id);
    const row = uuid && (await ctx.loaders.withdrawal.load(uuid));
    return row ? toWithdrawal(row) : null;
  }

  @Query(() => WithdrawalConnection, { description: 'All withdrawals, the newest first. For admins.' })
  async withdrawals(
    @Ctx() ctx: PaymentsContext,
    @Arg('status', () => WithdrawalStatusEnum, { nullable: true, description: 'Only those that are so far.' }) status?: WithdrawalStatus,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<Withdrawal>> {
    return pageById({
      order: 'WITHDRAWALS',
      first,
      after,
      find: (page) => ctx.run((tx) => findWithdrawals(tx.orm, status ?? null, page)),
      count: () => ctx.run((tx) => countWithdrawals(tx.orm, status ?? null)),
      shape: toWithdrawal,
    });
  }

  @Mutation(() => Withdrawal, {
    description:
      "Asks for money out of your own driver's wallet. It is held at once, and sent when an admin has approved. With `dryRun` it says whether it could be. For drivers.",
  })
  async requestWithdrawal(
    @Arg('input', () => RequestWithdrawalInput, { description: 'How much, and where to.' }) input: RequestWithdrawalInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Withdrawal> {
    const userId = requirePerson(ctx);
    const key = input.dryRun ? null : requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const amount = positiveMoney(input.amount, 'input.amount.amount');
    const { method, accountNumber } = input;
    return runOrRehearse(ctx, input.dryRun, async (tx) => {
      const request = () => requestWithdrawal(atDesk(tx, ctx.loaders.desk), { userId, amount, method, accountNumber });
      const call = { mutation: 'requestWithdrawal', input: { amount: moneyType(amount), method, accountNumber } };
      const id = key === null ? await request() : (await once(tx, { ...call, key }, request)).entityId;
      const [row] = await withdrawalsByIds(tx.orm, [id]);
      if (!row) throw new Error('the withdrawal was not found');
      return toWithdrawal(row);
    });
  }

  @Mutation(() => Withdrawal, {
    description: 'Lets a withdrawal be sent. Somebody else’s decision stands: CONFLICT; a person who is flagged waits: WITHDRAWAL_FLAGGED. For admins.',
  })
  async approveWithdrawal(@Arg('id', () => ID, { description: 'Which one.' }) id: string, @Ctx() ctx: PaymentsContext): Promise<Withdrawal> {
    const uuid = requireUuid('wdr', id, 'withdrawal');
    await ctx.run((tx) => lookAtOwner(tx, uuid));
    return toWithdrawal(await ctx.run((tx) => approveWithdrawal(atDesk(tx, ctx.loaders.desk), uuid)));
  }

  @Mutation(() => Withdrawal, {
    description: 'Refuses a withdrawal; the money is back in the wallet at once. Somebody else’s decision stands: CONFLICT. For admins.',
  })
  async rejectWithdrawal(
    @Arg('id', () => ID, { description: 'Which one.' }) id: string,
    @Arg('reason', () => String, { description: 'Why, for the driver to read; up to 500 characters.' }) reason: string,
    @Ctx() ctx: PaymentsContext,
    @Arg('dryRun', () => Boolean, { nullable: true, description: 'True: only say what would come of it, by the same rules. False when not given.' })
    dryRun?: boolean,
  ): Promise<Withdrawal> {
    const uuid = requireUuid('wdr', id, 'withdrawal');
    return toWithdrawal(await runOrRehearse(ctx, dryRun, (tx) => rejectWithdrawal(atDesk(tx, ctx.loaders.desk), uuid, reason)));
  }

  @Mutation(() => Withdrawal, {
    description:
      'Says that an approved withdrawal was sent by hand, with the bank’s reference; the same word again changes nothing. CONFLICT for one that is not APPROVED, ' +
      'or where payouts are sent by a bank that we call. For admins.',
  })
  async confirmPayout(
    @Arg('input', () => ConfirmPayoutInput, { description: 'Which withdrawal, and the bank’s reference.' }) input: ConfirmPayoutInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Withdrawal> {
    const uuid = requireUuid('wdr', input.id, 'withdrawal', 'input.id');
    return toWithdrawal(await runOrRehearse(ctx, input.dryRun, (tx) => confirmPayout(atDesk(tx, ctx.loaders.desk), uuid, input.reference)));
  }

  @Mutation(() => Withdrawal, {
    description:
      'Says that an approved withdrawal could not be sent by hand: the money is back in the wallet at once. CONFLICT as `confirmPayout`. For admins.',
  })
  async failPayout(
    @Arg('input', () => FailPayoutInput, { description: 'Which withdrawal, and why.' }) input: FailPayoutInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Withdrawal> {
    const uuid = requireUuid('wdr', input.id, 'withdrawal', 'input.id');
    return toWithdrawal(await runOrRehearse(ctx, input.dryRun, (tx) => failPayout(atDesk(tx, ctx.loaders.desk), uuid, input.reason)));
  }
}

@Resolver(() => Reconciliation)
export class ReconciliationResolver {
  @Mutation(() => Reconciliation, { description: 'Checks the books of a day now. What is younger than a minute is in flight, and left out. For admins.' })
  async runReconciliation(
    @Ctx() ctx: PaymentsContext,
    @Arg('date', () => CalendarDate, { nullable: true, description: 'The day, by the clock of Cairo; today when not given.' }) date?: string,
  ): Promise<Reconciliation> {
    const day = await ctx.run((tx) => bookDay(tx, date ?? null));
    const settled = await settlementAround(ctx.loaders.deposits.gateway, day, await ctx.run((tx) => depositOrders(tx, day)));
    return toReconciliation(await ctx.run((tx) => reconcile(tx, day, settled)));
  }
}
