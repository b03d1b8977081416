import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { ConnectionSource } from '../../platform/graphqlTypes.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import type { PaymentsContext } from './context.js';
import { accountTotals, countByStatus, discrepanciesByIds, findDiscrepancies, findFraudFlags, latestReconciliation } from './controlQueries.js';
import { DecisionInput, DiscrepancyConnection, FraudFlag, FraudFlagConnection, FraudStatusEnum, LedgerHealth } from './controlTypes.js';
import { resolveDiscrepancy } from './discrepancyCommands.js';
import type { DiscrepancyStatus } from './reconciliation.js';
import type { FraudStatus } from './fraud.js';
import { decideFlag } from './fraudCommands.js';
import { pageById } from './idPages.js';
import { brokenInvariants } from './invariants.js';
import { toAccountTotal, toDiscrepancy, toFraudFlag, toReconciliation } from './shapes.js';
import { Discrepancy, DiscrepancyStatusEnum, Reconciliation } from './transferTypes.js';

const FIRST = 'How many: 20 when not given, at most 100.';
const AFTER = 'Cursor behind which the page begins.';
/** No user has this id: a filter by an id of another kind finds nothing. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

@Resolver(() => Reconciliation)
export class ControlResolver {
  @FieldResolver(() => [Discrepancy], { description: 'What does not add up; at most 1,000. Each as it is by now: it may have been resolved since.' })
  async discrepancies(@Root() reconciliation: Reconciliation, @Ctx() ctx: PaymentsContext): Promise<Discrepancy[]> {
    const ids = reconciliation.found.flatMap(({ id }) => (id ? [id] : []));
    if (ids.length === 0) return [];
    const rows = new Map((await ctx.run((tx) => discrepanciesByIds(tx.orm, ids))).map((row) => [row.id, row]));
    return ids.flatMap((id) => {
      const row = rows.get(id);
      return row ? [toDiscrepancy(row)] : [];
    });
  }

  @Query(() => LedgerHealth, { description: 'Whether the books are in order, now. For admins.' })
  async ledgerHealth(@Ctx() ctx: PaymentsContext): Promise<LedgerHealth> {
    return ctx.run(async (tx) => {
      const totals = await accountTotals(tx);
      const sums = new Map<string, bigint>();
      for (const { currency, balanceMinor } of totals) sums.set(currency, (sums.get(currency) ?? 0n) + balanceMinor);
      const last = await latestReconciliation(tx.orm);
      return Object.assign(new LedgerHealth(), {
        totals: totals.map(toAccountTotal),
        balanced: [...sums.values()].every((sum) => sum === 0n),
        lastReconciliation: last && toReconciliation(last),
        openDiscrepancies: await countByStatus(tx, 'discrepancies', 'OPEN'),
        openFraudFlags: await countByStatus(tx, 'fraud_flags', 'OPEN'),
        violations: await brokenInvariants(tx),
      });
    });
  }

  @Query(() => DiscrepancyConnection, { description: 'What reconciliations have found, the newest first. For admins.' })
  async discrepanciesFound(
    @Ctx() ctx: PaymentsContext,
    @Arg('status', () => DiscrepancyStatusEnum, { nullable: true, description: 'Only those that are so.' }) status?: DiscrepancyStatus,
    @Arg('first', () => Int, { nullable: true, description: FIRST }) first?: number,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after?: string,
  ): Promise<ConnectionSource<Discrepancy>> {
    return pageById({
      order: 'DISCREPANCIES',
      first,
      after,
      find: (page) => ctx.run((tx) => findDiscrepancies(tx.orm, status ?? null, page)),
      count: () => ctx.run((tx) => countByStatus(tx, 'discrepancies', status ?? null)),
      shape: toDiscrepancy,
    });
  }

  @Mutation(() => Discrepancy, { description: 'Explains a discrepancy: found again as it is, it is known. Resolving it twice changes nothing. For admins.' })
  async resolveDiscrepancy(
    @Arg('input', () => DecisionInput, { description: 'Which one, and why.' }) input: DecisionInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Discrepancy> {
    const uuid = requireUuid('dsc', input.id, 'discrepancy', 'input.id');
    return toDiscrepancy(await ctx.run((tx) => resolveDiscrepancy(tx, uuid, input.note)));
  }

  @Query(() => FraudFlagConnection, { description: 'Flags on people’s money, the newest first. For admins.' })
  async fraudFlags(
    @Ctx() ctx: PaymentsContext,
    @Arg('status', () => FraudStatusEnum, { nullable: true, description: 'Only those that are so.' }) status?: FraudStatus,
    @Arg('userId', () => ID, { nullable: true, description: 'Only those about one person.' }) userId?: string,
    @Arg('first', () => Int, { nullable: true, description: FIRST }) first?: number,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after?: string,
  ): Promise<ConnectionSource<FraudFlag>> {
    const filter = { status: status ?? null, userId: userId === undefined || userId === null ? null : (uuidOf('usr', userId) ?? NOBODY) };
    return pageById({
      order: 'FRAUD_FLAGS',
      first,
      after,
      find: (page) => ctx.run((tx) => findFraudFlags(tx.orm, filter, page)),
      count: () => ctx.run((tx) => countByStatus(tx, 'fraud_flags', filter.status, filter.userId)),
      shape: toFraudFlag,
    });
  }

  @Mutation(() => FraudFlag, {
    description: 'Says that nothing was wrong: withdrawals may be approved again. Somebody else’s word stands: CONFLICT. For admins.',
  })
  async clearFraudFlag(
    @Arg('input', () => DecisionInput, { description: 'Which one, and why.' }) input: DecisionInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<FraudFlag> {
    const uuid = requireUuid('flg', input.id, 'fraud flag', 'input.id');
    return toFraudFlag(await ctx.run((tx) => decideFlag(tx, uuid, 'CLEARED', input.note)));
  }

  @Mutation(() => FraudFlag, { description: 'Says that something was wrong: withdrawals stay held until they are rejected. For admins.' })
  async confirmFraudFlag(
    @Arg('input', () => DecisionInput, { description: 'Which one, and why.' }) input: DecisionInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<FraudFlag> {
    const uuid = requireUuid('flg', input.id, 'fraud flag', 'input.id');
    return toFraudFlag(await ctx.run((tx) => decideFlag(tx, uuid, 'CONFIRMED', input.note)));
  }
}
