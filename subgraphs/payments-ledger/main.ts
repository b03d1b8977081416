import { isPrivileged, systemActor } from '../../platform/actor.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { newUuid, uuidOf } from '../../platform/ids.js';
import { inTransaction } from '../../platform/postgres.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { withBreaker } from './adapters/gatewayBreaker.js';
import { kashierGateway } from './adapters/kashierGateway.js';
import { sandboxBank } from './adapters/sandboxBank.js';
import { sandboxGateway } from './adapters/sandboxGateway.js';
import { sandboxWebhooks } from './adapters/sandboxOrders.js';
import { sandboxPayoutWebhooks } from './adapters/sandboxPayouts.js';
import { sandboxRoutes } from './adapters/sandboxServer.js';
import { cardCalls } from './cardAnswers.js';
import { COMMISSION_TIMER, commissionCollection } from './commissionDebts.js';
import { type PaymentsConfig, readPaymentsConfig } from './config.js';
import { type PaymentsContext, type PaymentsLoaders, paymentsLoaders } from './context.js';
import { FRAUD_TIMER, fraudLooks } from './fraudCommands.js';
import { HOLD_TIMER } from './holdCommands.js';
import { holdExpiry } from './holdExpiry.js';
import { ControlResolver } from './controlResolvers.js';
import { LedgerResolver } from './ledgerResolvers.js';
import { brokenInvariants } from './invariants.js';
import { paymentsConsumes } from './jobs.js';
import { atDesk, type Desk } from './desk.js';
import { outsideWorkers } from '../../platform/outsideWork.js';
import { PartnerWalletResolver } from './partnerResolvers.js';
import { paymentsLedgerPermissions } from './permissions.js';
import { dailyReconciliation, scheduleReconciliation } from './reconciliationCommands.js';
import { REPORT_TIMER, reportParts } from './reportCommands.js';
import { reportLink, reportRoute } from './reportLinks.js';
import { ReportResolver } from './reportResolvers.js';
import { ReviewResolver } from './reviewResolvers.js';
import { seedPayments } from './seed.js';
import { toDeposit, toPayment, toReconciliation, toWallet, toWithdrawal } from './shapes.js';
import { walletTopic } from './subscriptions.js';
import { DepositResolver, ReconciliationResolver, WithdrawalResolver } from './transferResolvers.js';
import { Booking, Payment, SystemHealth, Trip, User } from './types.js';
import { BookingPaymentResolver, DebtResolver, TripPaymentResolver, UserWalletResolver, WalletResolver } from './walletResolvers.js';
import { setDriverLimit } from './wallets.js';
import { webhookRoute } from './webhook.js';
import { payouts } from './withdrawalCommands.js';

interface Reference {
  id?: string;
  ref?: string;
}

/** Resolves references to an entity of ours by a loader, under the actor's row-level security: what one may not see is not there. */
function owned<Row>(
  prefix: string,
  load: (loaders: PaymentsLoaders, uuid: string) => Promise<Row | null>,
  shape: (row: Row, loaders: PaymentsLoaders) => object,
) {
  return {
    async __resolveReference(reference: Reference, ctx: PaymentsContext) {
      const uuid = uuidOf(prefix, reference.id ?? reference.ref ?? '');
      const row = uuid && (await load(ctx.loaders, uuid));
      return row ? shape(row, ctx.loaders) : null;
    },
  };
}

/** An entity of another subgraph: its id is all we know, and our field on it decides who sees what. */
function foreign(entity: new () => { id: string }) {
  return {
    async __resolveReference(reference: { id: string }) {
      return Object.assign(new entity(), { id: reference.id });
    },
  };
}

/** Federation schema of payments-ledger; also what composition reads. */
export function buildPaymentsLedgerSchema() {
  return buildFederatedSchema({
    resolvers: [
      WalletResolver,
      UserWalletResolver,
      BookingPaymentResolver,
      TripPaymentResolver,
      DepositResolver,
      WithdrawalResolver,
      ReconciliationResolver,
      ControlResolver,
      LedgerResolver,
      DebtResolver,
      PartnerWalletResolver,
      ReportResolver,
      ReviewResolver,
    ],
    orphanedTypes: [User, Booking, Trip, Payment, SystemHealth],
    permissions: paymentsLedgerPermissions,
    references: {
      Wallet: owned('wal', (loaders, uuid) => loaders.wallet.load(uuid), toWallet),
      Payment: owned('pay', (loaders, uuid) => loaders.payment.load(uuid), toPayment),
      Deposit: owned(
        'dep',
        (loaders, uuid) => loaders.deposit.load(uuid),
        (row, loaders) => toDeposit(row, loaders.deposits),
      ),
      Withdrawal: owned('wdr', (loaders, uuid) => loaders.withdrawal.load(uuid), toWithdrawal),
      Reconciliation: owned('rec', (loaders, uuid) => loaders.reconciliation.load(uuid), toReconciliation),
      User: foreign(User),
      Booking: foreign(Booking),
      Trip: foreign(Trip),
      SystemHealth: {
        async __resolveReference(_reference: unknown, ctx: PaymentsContext) {
          if (!isPrivileged(ctx.actor)) return null;
          const paymentsViolations = await ctx.run(async (tx) => [...(await undeliveredEvents(tx)), ...(await brokenInvariants(tx))]);
          return { id: 'system', paymentsViolations };
        },
      },
    },
  });
}

export async function startPaymentsLedger(environment: SubgraphEnvironment, config: PaymentsConfig = readPaymentsConfig(process.env)): Promise<Subgraph> {
  const built = await buildPaymentsLedgerSchema();
  return startSubgraph<PaymentsLoaders>('payments-ledger', environment, async ({ db, feed, log }) => {
    const { sandboxSecret: secret, gatewayTimeoutMs: timeoutMs } = config;
    const origin = () => new URL(environment.graphUrl()).origin;
    const desk: Desk = {
      walletChanged: (ownerId) => feed.publish(walletTopic(ownerId)),
      driverDebtLimitMinor: config.driverDebtLimitMinor,
      sendsPayouts: config.payouts === 'sandbox',
    };
    const pageOrigin = () => config.publicOrigin ?? origin();
    const toSandbox = { origin, secret, timeoutMs, clock: db.clock };
    const sandbox = sandboxGateway({ ...toSandbox, pageOrigin });
    const adapter = config.kashier ? 'kashier' : 'sandbox';
    const gateway = withBreaker(config.kashier ? kashierGateway({ ...config.kashier, origin: pageOrigin, timeoutMs }) : sandbox, db.clock);
    const faults = config.sandboxFaults;
    const workers = outsideWorkers(log);
    workers.add(cardCalls({ db, desk, gateway, timeoutMs }));
    if (desk.sendsPayouts) workers.add(payouts({ db, desk, bank: sandboxBank(toSandbox), timeoutMs }));
    if (faults) {
      const merchant = { db, secret, faults, webhookUrl: () => `${origin()}/webhooks/payments/sandbox` };
      workers.add(sandboxWebhooks(merchant));
      workers.add(sandboxPayoutWebhooks(merchant));
    }
    workers.add(dailyReconciliation({ db, gateway }));
    await scheduleReconciliation(db);
    // Wallets keep the limit that they were opened with: a changed one has to reach them.
    await inTransaction(systemActor('driver.limit'), db, { traceId: '0'.repeat(32), causationId: newUuid() }, (tx) => setDriverLimit(atDesk(tx, desk)));
    return {
      ...built,
      loaders: paymentsLoaders({
        desk,
        deposits: { adapter, gateway },
        reportUrl: (id, format) => reportLink(environment.internalSecret, pageOrigin(), id, format, db.clock()),
      }),
      consumes: paymentsConsumes(desk),
      timers: {
        ...workers.handlers,
        [HOLD_TIMER]: holdExpiry(desk),
        [FRAUD_TIMER]: fraudLooks,
        [COMMISSION_TIMER]: commissionCollection(desk),
        [REPORT_TIMER]: reportParts,
      },
      routes: [
        reportRoute({ db, secret: environment.internalSecret }),
        webhookRoute({ db, desk, gateways: new Map([...(desk.sendsPayouts ? [['sandbox', sandbox] as const] : []), [adapter, gateway]]) }),
        ...(faults ? sandboxRoutes({ db, secret, faults }) : []),
      ],
      seedDemo: () => seedPayments(db, desk),
      close: () => workers.idle(),
    };
  });
}
