import { Arg, Ctx, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { CalendarDate, type ConnectionSource, positiveMoney } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { type PaymentsContext, requirePerson } from './context.js';
import { initiateDeposit } from './depositCommands.js';
import { pageById } from './idPages.js';
import { atDesk } from './ledgerCommands.js';
import { countWithdrawals, depositsByIds, findWithdrawals, withdrawalsByIds } from './queries.js';
import { bookDay, reconcile, settlementAround } from './reconciliationCommands.js';
import { toDeposit, toReconciliation, toWithdrawal } from './shapes.js';
import {
  Deposit,
  InitiateDepositInput,
  Reconciliation,
  RequestWithdrawalInput,
  Withdrawal,
  WithdrawalConnection,
  WithdrawalStatusEnum,
} from './transferTypes.js';
import type { WithdrawalStatus } from './withdrawal.js';
import { approveWithdrawal, lookAtOwner, rejectWithdrawal, requestWithdrawal } from './withdrawalCommands.js';

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
      const { entityId } = await once(tx, { mutation: 'initiateDeposit', key, input: amount }, () => initiateDeposit(tx, { userId, amount, adapter }));
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
    description: "Asks for money out of your own driver's wallet. It is held at once, and sent when an admin has approved. For drivers.",
  })
  async requestWithdrawal(
    @Arg('input', () => RequestWithdrawalInput, { description: 'How much, and where to.' }) input: RequestWithdrawalInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Withdrawal> {
    const userId = requirePerson(ctx);
    const key = requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const amount = positiveMoney(input.amount, 'input.amount.amount');
    const { method, accountNumber } = input;
    return ctx.run(async (tx) => {
      const call = { mutation: 'requestWithdrawal', key, input: { amount, method, accountNumber } };
      const { entityId } = await once(tx, call, () => requestWithdrawal(atDesk(tx, ctx.loaders.desk), { userId, amount, method, accountNumber }));
      const [row] = await withdrawalsByIds(tx.orm, [entityId]);
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
  ): Promise<Withdrawal> {
    const uuid = requireUuid('wdr', id, 'withdrawal');
    return toWithdrawal(await ctx.run((tx) => rejectWithdrawal(atDesk(tx, ctx.loaders.desk), uuid, reason)));
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
    const settled = await settlementAround(ctx.loaders.deposits.gateway, day);
    return toReconciliation(await ctx.run((tx) => reconcile(tx, day, settled)));
  }
}
