import type { Tx } from '../../platform/postgres.js';

/** What the ledger needs beside a transaction: whom to tell of changed wallets, and a driver's credit. */
export interface Desk {
  /** A hint to whoever watches this person's wallet, once the change has committed; it may be lost. */
  walletChanged(ownerId: string): void;
  /** How far a driver's wallet may go below zero for commission on cash trips: positive minor units of EGP. */
  driverDebtLimitMinor: bigint;
  /** Whether a bank that we call sends approved withdrawals; otherwise admins do, and say so. */
  sendsPayouts: boolean;
}

export interface LedgerTx extends Tx {
  desk: Desk;
}

/** A transaction of any kind with the ledger's desk: commands that move money take this. */
export function atDesk(tx: Tx, desk: Desk): LedgerTx {
  return { ...tx, desk };
}
