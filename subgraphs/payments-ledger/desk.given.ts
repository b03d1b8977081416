import { systemActor } from '../../platform/actor.js';
import { appUrl } from '../../platform/migrate.js';
import { connectDatabase, type Database, inTransaction } from '../../platform/postgres.js';
import type { SubgraphEnvironment } from '../../platform/startSubgraph.js';
import { type AccountRef, ownedAccount, type Posting, systemAccount } from './ledger.js';
import { atDesk, type Desk, type LedgerTx } from './desk.js';
import { post } from './ledgerCommands.js';

export const DEBT_LIMIT = 500_00n;
export const desk: Desk = { walletChanged: () => {}, driverDebtLimitMinor: DEBT_LIMIT, sendsPayouts: true };

export const gatewayAccount = (by: string) => systemAccount('GATEWAY_CLEARING', 'EGP', by);
export const walletOf = (owner: string, currency = 'EGP') => ownedAccount('CUSTOMER_WALLET', owner, currency);

/** A transfer as plain as can be. */
export function transfer(key: string, from: AccountRef, to: AccountRef, amountMinor: bigint, more: Partial<Posting> = {}): Posting {
  const entries = [
    { account: from, amountMinor: -amountMinor },
    { account: to, amountMinor },
  ];
  return { key, kind: 'DEPOSIT', reference: { type: 'USER', id: from.ownerId ?? to.ownerId ?? '00000000-0000-4000-8000-000000000000' }, entries, ...more };
}

/** A counter of the ledger for tests: the service's own role, the commands, and nothing of GraphQL. */
export function openDesk(environment: SubgraphEnvironment, secret: string, poolSize?: number) {
  const { databaseUrl, log, clock } = environment;
  const options = { url: appUrl(databaseUrl, 'payments-ledger', secret), log, clock, applicationName: 'ledger-test' };
  const db: Database = connectDatabase(poolSize ? { ...options, poolSize } : options);
  const run = <T>(work: (tx: LedgerTx) => Promise<T>) =>
    inTransaction(systemActor('test'), db, { traceId: '', causationId: '' }, (tx) => work(atDesk(tx, desk)));
  return {
    db,
    run,
    fund: (owner: string, amountMinor: bigint, key: string, more: Partial<Posting> = {}) =>
      run((tx) => post(tx, transfer(key, gatewayAccount(owner), walletOf(owner), amountMinor, more))),
    /** OK, or the code of the refusal. */
    codeOf: (promise: Promise<unknown>) => promise.then(() => 'OK').catch((error) => (error as { code?: string }).code ?? String(error)),
  };
}
