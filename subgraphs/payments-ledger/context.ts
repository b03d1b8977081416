import DataLoader from 'dataloader';
import { userIdOf } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import type { GatewayPort } from './adapters/gatewayPort.js';
import type { DepositRow } from './deposit.js';
import type { Desk } from './desk.js';
import type { PaymentRow } from './payment.js';
import type { GatewayCallRow } from './gatewayCalls.js';
import {
  cardRefundsOf,
  depositsByIds,
  paymentsByIds,
  paymentsBySubjects,
  type ReconciliationRow,
  reconciliationsByIds,
  walletsByIds,
  walletsByOwners,
  type WalletView,
  withdrawalsByIds,
} from './queries.js';
import type { ReportFormat } from './reportLinks.js';
import type { WithdrawalRow } from './withdrawal.js';

/** Which gateway deposits go through, and its name in webhook addresses. */
export interface DepositGateway {
  adapter: string;
  gateway: GatewayPort;
}

/** Loaders of one request, each batch one query under the actor's row-level security; and the parts that resolvers hand to commands. */
export interface PaymentsLoaders {
  walletByOwner: DataLoader<string, WalletView | null>;
  wallet: DataLoader<string, WalletView | null>;
  payment: DataLoader<string, PaymentRow | null>;
  /** By `BOOKING:<uuid>` or `TRIP:<uuid>`. */
  paymentBySubject: DataLoader<string, PaymentRow | null>;
  /** What a card company was asked to give back, by payment. */
  cardRefunds: DataLoader<string, GatewayCallRow[]>;
  deposit: DataLoader<string, DepositRow | null>;
  withdrawal: DataLoader<string, WithdrawalRow | null>;
  reconciliation: DataLoader<string, ReconciliationRow | null>;
  desk: Desk;
  deposits: DepositGateway;
  /** A signed address of a report as a file, good for a while from now. */
  reportUrl(reportId: string, format: ReportFormat): string;
}

export type PaymentsContext = Context<PaymentsLoaders>;

export function paymentsLoaders(parts: Pick<PaymentsLoaders, 'desk' | 'deposits' | 'reportUrl'>): (run: Context['run']) => PaymentsLoaders {
  return (run) => ({
    ...parts,
    walletByOwner: new DataLoader(async (ids) => inOrder(ids, await run((tx) => walletsByOwners(tx.orm, ids)), (row) => row.ownerId)),
    wallet: new DataLoader(async (ids) => inOrder(ids, await run((tx) => walletsByIds(tx.orm, ids)), (row) => row.id)),
    payment: new DataLoader(async (ids) => inOrder(ids, await run((tx) => paymentsByIds(tx.orm, ids)), (row) => row.id)),
    paymentBySubject: new DataLoader(async (keys) =>
      inOrder(keys, await run((tx) => paymentsBySubjects(tx.orm, keys)), (row) => `${row.subjectType}:${row.subjectId}`),
    ),
    cardRefunds: new DataLoader(async (ids) => {
      const found = await run((tx) => cardRefundsOf(tx.orm, ids));
      return ids.map((id) => found.get(id) ?? []);
    }),
    deposit: new DataLoader(async (ids) => inOrder(ids, await run((tx) => depositsByIds(tx.orm, ids)), (row) => row.id)),
    withdrawal: new DataLoader(async (ids) => inOrder(ids, await run((tx) => withdrawalsByIds(tx.orm, ids)), (row) => row.id)),
    reconciliation: new DataLoader(async (ids) => inOrder(ids, await run((tx) => reconciliationsByIds(tx.orm, ids)), (row) => row.id)),
  });
}

function inOrder<T>(keys: readonly string[], rows: readonly T[], keyOf: (row: T) => string): (T | null)[] {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  return keys.map((key) => byKey.get(key) ?? null);
}

/** The person who acts; jobs and services have no wallet. @throws Refusal FORBIDDEN */
export function requirePerson(ctx: PaymentsContext): string {
  const id = userIdOf(ctx.actor);
  if (id === null) throw new Refusal('FORBIDDEN', 'Only a person has a wallet.');
  return id;
}
