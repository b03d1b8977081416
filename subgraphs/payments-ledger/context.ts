import DataLoader from 'dataloader';
import { userIdOf } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { Refusal } from '../../platform/errors.js';
import type { GatewayPort } from './adapters/gatewayPort.js';
import type { DepositRow } from './deposit.js';
import type { Desk } from './ledgerCommands.js';
import type { PaymentRow } from './payment.js';
import {
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
  deposit: DataLoader<string, DepositRow | null>;
  withdrawal: DataLoader<string, WithdrawalRow | null>;
  reconciliation: DataLoader<string, ReconciliationRow | null>;
  desk: Desk;
  deposits: DepositGateway;
}

export type PaymentsContext = Context<PaymentsLoaders>;

export function paymentsLoaders(parts: { desk: Desk; deposits: DepositGateway }): (run: Context['run']) => PaymentsLoaders {
  return (run) => ({
    ...parts,
    walletByOwner: new DataLoader(async (ids) => inOrder(ids, await run((tx) => walletsByOwners(tx.orm, ids)), (row) => row.ownerId)),
    wallet: new DataLoader(async (ids) => inOrder(ids, await run((tx) => walletsByIds(tx.orm, ids)), (row) => row.id)),
    payment: new DataLoader(async (ids) => inOrder(ids, await run((tx) => paymentsByIds(tx.orm, ids)), (row) => row.id)),
    paymentBySubject: new DataLoader(async (keys) =>
      inOrder(keys, await run((tx) => paymentsBySubjects(tx.orm, keys)), (row) => `${row.subjectType}:${row.subjectId}`),
    ),
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
