import { isPrivileged } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import { buildFederatedSchema } from '../../platform/federatedSchema.js';
import { askGraph } from '../../platform/graphClient.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { startSubgraph, type SubgraphEnvironment } from '../../platform/startSubgraph.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { undeliveredEvents } from '../../platform/violations.js';
import { type MailAddress, parseAddress } from './address.js';
import { createLocalMail } from './adapters/localMail.js';
import { createResendMail } from './adapters/resendMail.js';
import { type InboxConfig, readInboxConfig } from './config.js';
import type { RetryPolicy } from './delivery.js';
import { stuckMail } from './deliveryQueries.js';
import { DeliveryResolver } from './deliveryResolvers.js';
import type { Desk } from './desk.js';
import { createErrands } from './errands.js';
import { inboxConsumes } from './jobs.js';
import { type InboxLoaders, inboxLoaders } from './loaders.js';
import { mailPages } from './mailPages.js';
import { mailTimers } from './mailer.js';
import { NotificationResolver } from './notificationResolvers.js';
import { createPace, UNLIMITED } from './pace.js';
import { inboxPermissions } from './permissions.js';
import { seedInbox } from './seed.js';
import { InboxSubscriptions } from './subscriptions.js';
import { BookingThreadResolver, MessageResolver, ThreadResolver, toThread, TripThreadResolver } from './threadResolvers.js';
import { Booking, SystemHealth, Trip, User } from './types.js';
import { resendWebhook } from './webhook.js';

/** Calls of the mail provider at once (IN-06). */
const CONCURRENCY = 10;
const MAX_RETRY_MS = 15 * 60_000;
/** The longest an attempt can take (waiting for its turn, the address, the provider) and some more. */
const LEASE_MS = 60_000;
/** What is this late was forgotten. */
const STUCK_MS = 10 * 60_000;

/** Resolves an entity that is another subgraph's: what we add to it needs no more than its id. */
const stub = <T extends object>(type: new () => T) => ({
  async __resolveReference(reference: { id: string }) {
    return Object.assign(new type(), reference);
  },
});

/** Federation schema of inbox; also what composition reads. */
export function buildInboxSchema() {
  return buildFederatedSchema({
    resolvers: [ThreadResolver, MessageResolver, BookingThreadResolver, TripThreadResolver, NotificationResolver, DeliveryResolver, InboxSubscriptions],
    orphanedTypes: [User, Booking, Trip, SystemHealth],
    permissions: inboxPermissions,
    references: {
      Thread: {
        async __resolveReference(reference: { id?: string; ref?: string }, ctx: Context<InboxLoaders>) {
          const uuid = uuidOf('thr', reference.id ?? reference.ref ?? '');
          const row = uuid && (await ctx.loaders.thread.load(uuid));
          return row ? toThread(row) : null;
        },
      },
      User: stub(User),
      Booking: stub(Booking),
      Trip: stub(Trip),
      SystemHealth: {
        async __resolveReference(_reference: unknown, ctx: Context) {
          if (!isPrivileged(ctx.actor)) return null;
          const inboxViolations = await ctx.run(async (tx) => [
            ...(await undeliveredEvents(tx)),
            ...(await stuckMail(tx.orm, new Date(tx.now.getTime() - STUCK_MS))),
          ]);
          return { id: 'system', inboxViolations };
        },
      },
    },
  });
}

/** What inbox asks of others, so that a test of inbox alone can answer in their place. */
export interface InboxPorts {
  /** Where a person gets mail; null when they have no address. @throws when that cannot be known now */
  addressOf: (userId: string) => Promise<MailAddress | null>;
}

/** Asks the graph each time, so that no copy of an address goes stale (EV-02). */
function askForAddress(environment: SubgraphEnvironment): InboxPorts['addressOf'] {
  const query = 'query($id: ID!) { node(id: $id) { ... on User { id name email } } }';
  return async (userId) => {
    const { node } = await askGraph<{ node: { name: string | null; email: string | null } | null }>(environment, 'inbox.address', query, {
      id: publicId('usr', userId),
    });
    const address = node?.email ? parseAddress(node.email) : null;
    return address && { address: address.address, name: node?.name ?? null };
  };
}

export async function startInbox(
  environment: SubgraphEnvironment,
  config: InboxConfig & { ports?: Partial<InboxPorts> } = readInboxConfig(process.env),
): Promise<Subgraph> {
  const built = await buildInboxSchema();
  const local = config.mailProvider === 'local' ? createLocalMail({ dir: config.mailDir, clock: environment.clock }) : null;
  const provider = local ?? createResendMail({ apiUrl: config.resendApiUrl, apiKey: config.resendApiKey ?? '' });
  const policy: RetryPolicy = { maxAttempts: config.maxAttempts, firstRetryMs: config.firstRetryMs, maxRetryMs: MAX_RETRY_MS, leaseMs: LEASE_MS };
  const [secret = ''] = config.webhookSecrets;

  return startSubgraph<InboxLoaders>('inbox', environment, async ({ db, feed, log }) => {
    const desk: Desk = { mailFrom: config.mailFrom, feed };
    const errands = createErrands(log, CONCURRENCY);
    if (local && config.production) log.warn({ dir: config.mailDir }, 'mail is kept on disk and reaches nobody: set RESEND_API_KEY');
    return {
      ...built,
      loaders: inboxLoaders(desk),
      consumes: inboxConsumes(desk),
      timers: mailTimers({
        db,
        desk,
        provider,
        local,
        addressOf: config.ports?.addressOf ?? askForAddress(environment),
        policy,
        errands,
        pace: local ? UNLIMITED : createPace(config.mailsPerMinute),
        webhook: { url: () => new URL('/webhooks/resend', environment.graphUrl()).href, secret },
      }),
      // In production mails are nobody's to read, wherever they are kept.
      routes: [resendWebhook(db, config.webhookSecrets), ...(local && !config.production ? mailPages(local) : [])],
      seedDemo: () => seedInbox(db, desk),
      close: () => errands.settle(),
    };
  });
}
