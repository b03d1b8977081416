import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { parseInput, Refusal } from '../../platform/errors.js';
import { type ConnectionSource, DateTime, Money, moneyType } from '../../platform/graphqlTypes.js';
import { once, requireIdempotencyKey } from '../../platform/idempotency.js';
import { requireUuid, uuidOf } from '../../platform/ids.js';
import { encodeCursor, pageRequest, toPage } from '../../platform/page.js';
import { balanceAt, type TimeAxis } from './balanceQueries.js';
import type { PaymentsContext } from './context.js';
import { pageById } from './idPages.js';
import { SUBJECT_PREFIX } from './invariants.js';
import type { AppliedPosting } from './ledger.js';
import { atDesk } from './desk.js';
import { countTransactions, findTransactions } from './ledgerQueries.js';
import { LedgerTransaction, LedgerTransactionConnection, Reversal, RevertTransactionInput, TimeAxisEnum, WalletStatement } from './ledgerTypes.js';
import { periodOf, statementEntries } from './queries.js';
import { previewRevert, revertBatch } from './reversalCommands.js';
import { toLedgerEntry, toLedgerTransaction, toWalletEntry } from './shapes.js';
import { Wallet } from './types.js';

const STATEMENT_ORDER = 'WALLET_STATEMENT';
const MAX_COUNT = 10_000;
const revertSchema = z.object({ reason: z.string().trim().min(1, 'must say why').max(500, 'must not be longer than 500 characters') });

@Resolver(() => Wallet)
export class LedgerResolver {
  @FieldResolver(() => Money, { description: 'What could be spent at a time, the time itself included.' })
  async balanceAt(
    @Root() wallet: Wallet,
    @Ctx() ctx: PaymentsContext,
    @Arg('time', () => DateTime, { description: 'When.' }) time: Date,
    @Arg('by', () => TimeAxisEnum, { nullable: true, description: 'Which time of an entry counts: RECORDED when not given.' }) by?: TimeAxis,
  ): Promise<Money> {
    const amountMinor = await ctx.run((tx) => balanceAt(tx.orm, wallet.accountId, time, by ?? 'RECORDED'));
    return moneyType({ amountMinor, currency: wallet.balance.currency });
  }

  @FieldResolver(() => WalletStatement, { description: 'The movements of a period by the time of recording, oldest first, with the balance after each.' })
  async statement(
    @Root() wallet: Wallet,
    @Ctx() ctx: PaymentsContext,
    @Arg('from', () => DateTime, { description: 'Beginning of the period.' }) from: Date,
    @Arg('to', () => DateTime, { description: 'End of the period, after its beginning; not in it itself.' }) to: Date,
    @Arg('first', () => Int, { nullable: true, description: 'How many movements: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<WalletStatement> {
    if (from >= to) throw new Refusal('VALIDATION_ERROR', 'to: must be after `from`.', { details: { field: 'to', rule: 'after_from' } });
    const page = pageRequest(STATEMENT_ORDER, first, after, 1);
    if (page.after && !/^\d{1,18}$/.test(page.after[0] ?? '')) {
      throw new Refusal('VALIDATION_ERROR', 'after: is not a cursor of this list.', { details: { field: 'after', rule: 'cursor' } });
    }
    const { period, rows } = await ctx.run(async (tx) => {
      const found = await periodOf(tx.orm, wallet.accountId, from, to);
      return { period: found, rows: await statementEntries(tx.orm, wallet.accountId, found, page) };
    });
    const result = toPage(rows, page, (row) => encodeCursor(STATEMENT_ORDER, [row.number]));
    const inCurrency = (amountMinor: bigint) => moneyType({ amountMinor, currency: wallet.balance.currency });
    const entries: ConnectionSource<object> = {
      pageInfo: result.pageInfo,
      edges: result.edges.map(({ cursor, node }) => ({ cursor, node: toWalletEntry(node) })),
      nodes: result.nodes.map(toWalletEntry),
      totalCount: async () => Math.min(Number(period.last - period.before), MAX_COUNT),
    };
    const [openingBalance, closingBalance] = [inCurrency(period.openingMinor), inCurrency(period.closingMinor)];
    return Object.assign(new WalletStatement(), { from, to, openingBalance, closingBalance, entries });
  }

  @Query(() => LedgerTransactionConnection, { description: 'Transactions of the books, the newest first. For admins.' })
  async ledgerTransactions(
    @Ctx() ctx: PaymentsContext,
    @Arg('reference', () => ID, { nullable: true, description: 'Only those about this booking, trip, deposit, withdrawal or user.' }) reference?: string,
    @Arg('first', () => Int, { nullable: true, description: 'How many: 20 when not given, at most 100.' }) first?: number,
    @Arg('after', () => String, { nullable: true, description: 'Cursor behind which the page begins.' }) after?: string,
  ): Promise<ConnectionSource<LedgerTransaction>> {
    const referenceId = reference == null ? undefined : Object.values(SUBJECT_PREFIX).flatMap((prefix) => uuidOf(prefix, reference) ?? [])[0];
    const nothing = reference != null && referenceId === undefined;
    return pageById({
      order: 'LEDGER_TRANSACTIONS',
      first,
      after,
      find: (page) => (nothing ? Promise.resolve([]) : ctx.run((tx) => findTransactions(tx.orm, referenceId ? { referenceId } : {}, page))),
      count: () => (nothing ? Promise.resolve(0) : ctx.run((tx) => countTransactions(tx.orm, referenceId ?? null))),
      shape: toLedgerTransaction,
    });
  }

  @Mutation(() => Reversal, {
    description:
      'Takes a transaction back by a new one that mirrors it, once: ALREADY_REVERTED after that. INSUFFICIENT_FUNDS when the money has been spent. ' +
      'With `dryRun` it says what it would do. Payments are better cancelled, and holds voided, by what they are for. For admins.',
  })
  async revertTransaction(
    @Arg('input', () => RevertTransactionInput, { description: 'Which one, and why.' }) input: RevertTransactionInput,
    @Ctx() ctx: PaymentsContext,
  ): Promise<Reversal> {
    const id = requireUuid('txn', input.transactionId, 'transaction', 'input.transactionId');
    const { reason } = parseInput(revertSchema, { reason: input.reason });
    const { desk } = ctx.loaders;
    if (input.dryRun) {
      const [applied] = await ctx.run((tx) => previewRevert(atDesk(tx, desk), [id], reason));
      return Object.assign(new Reversal(), { dryRun: true, transaction: null, entries: applied ? linesOf(applied) : [] });
    }
    const key = requireIdempotencyKey(input.idempotencyKey, ctx.caller.idempotencyKey);
    const view = await ctx.run(async (tx) => {
      const { entityId } = await once(tx, { mutation: 'revertTransaction', key, input: { id, reason } }, async () => {
        const [posted] = await revertBatch(atDesk(tx, desk), [id], reason);
        if (!posted) throw new Error('nothing was reverted');
        return posted.transactionId;
      });
      return (await findTransactions(tx.orm, { ids: [entityId] }, { first: 1, after: null }))[0];
    });
    if (!view) throw new Error('the reversal was not found');
    const transaction = toLedgerTransaction(view);
    return Object.assign(new Reversal(), { dryRun: false, transaction, entries: transaction.entries });
  }
}

/** Entries of a posting that was not written, as they are shown of one that was. */
function linesOf(applied: AppliedPosting) {
  const accounts = new Map(applied.accounts.map((account) => [account.id, account]));
  return [...applied.entries]
    .sort((a, b) => (a.amountMinor < b.amountMinor ? -1 : 1))
    .map(({ accountId, currency, amountMinor, balanceAfterMinor }) => {
      const account = accounts.get(accountId);
      return toLedgerEntry({ type: account?.type ?? '', ownerId: account?.ownerId ?? null, currency, amountMinor, balanceAfterMinor });
    });
}
