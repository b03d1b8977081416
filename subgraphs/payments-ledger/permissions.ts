import { uuidOf } from '../../platform/ids.js';
import { only, onlyOwner, type Permissions, signedIn } from '../../platform/permissions.js';
import type { User } from './types.js';

export const paymentsLedgerPermissions: Permissions = {
  Query: {
    deposit: signedIn,
    withdrawal: signedIn,
    withdrawals: only('ADMIN'),
    ledgerHealth: only('ADMIN'),
    ledgerTransactions: only('ADMIN'),
    discrepanciesFound: only('ADMIN'),
    fraudFlags: only('ADMIN'),
    paymentsInReview: only('ADMIN'),
    financialReport: only('ADMIN'),
    reportFile: only('ADMIN'),
  },
  Mutation: {
    initiateDeposit: signedIn,
    requestWithdrawal: only('DRIVER'),
    approveWithdrawal: only('ADMIN'),
    rejectWithdrawal: only('ADMIN'),
    confirmPayout: only('ADMIN'),
    failPayout: only('ADMIN'),
    resolvePaymentInReview: only('ADMIN'),
    waiveDebt: only('ADMIN'),
    settleDebt: signedIn,
    refundPayment: only('ADMIN'),
    openPartnerWallet: only('ADMIN'),
    fundPartnerWallet: only('ADMIN'),
    runReconciliation: only('ADMIN'),
    requestReport: only('ADMIN'),
    resolveDiscrepancy: only('ADMIN'),
    clearFraudFlag: only('ADMIN'),
    confirmFraudFlag: only('ADMIN'),
    revertTransaction: only('ADMIN'),
  },
  Subscription: {
    walletUpdated: signedIn,
  },
  Payment: {
    refunds: only('ADMIN'),
  },
  User: {
    wallet: onlyOwner((user: User) => uuidOf('usr', user.id)),
  },
};
