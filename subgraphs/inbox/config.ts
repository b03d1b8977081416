import path from 'node:path';
import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';

/** Signs webhooks on a laptop, so that anybody can try one; refused in production. */
export const DEMO_WEBHOOK_SECRET = 'whsec_d2F5Z3JhcGgtZGVtby13ZWJob29rLXNlY3JldA==';

const WEBHOOK_SECRET = /^whsec_[A-Za-z0-9+/]{8,}={0,2}$/;

/** Several secrets, divided by commas or spaces: while one is being replaced, what either of them signed is good. */
const webhookSecrets = z
  .string()
  .default(DEMO_WEBHOOK_SECRET)
  .transform((text) => text.split(/[\s,]+/).filter(Boolean))
  .refine(
    (secrets) => secrets.length > 0 && secrets.every((secret) => WEBHOOK_SECRET.test(secret)),
    'must be one or more secrets such as whsec_ followed by base64',
  );

const positive = (fallback: number) => z.coerce.number('must be a number').int('must be a whole number').positive('must be above zero').default(fallback);

/** Environment of inbox: which provider sends mail, and how failures are repeated. */
export const inboxConfig = z
  .object({
    NODE_ENV: z.string().optional(),
    DATA_DIR: z.string().default('.data'),
    /** Where the local provider keeps mails as files; `<DATA_DIR>/mail` when not set. */
    MAIL_DIR: z.string().optional(),
    /** `local` keeps mails on disk; `resend` sends them. When not set: resend if there is an API key. */
    MAIL_PROVIDER: z.enum(['local', 'resend'], 'must be local or resend').optional(),
    /** Who mails are from; answers go to the same address. */
    MAIL_FROM: z
      .string()
      .regex(/^([^<>"]+ <[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/, 'must be an address such as Waygraph <hello@example.com>')
      .default('Waygraph <hello@waygraph.test>'),
    /** Calls of a mail before it becomes a dead letter. */
    MAIL_MAX_ATTEMPTS: positive(10),
    /** Pause before the second call; doubles each time. */
    MAIL_FIRST_RETRY_MS: positive(2_000),
    /** The provider's limit. The local provider has none. */
    MAILS_PER_MINUTE: positive(100),
    RESEND_API_KEY: z.string().optional(),
    RESEND_API_URL: z.url('must be a URL').default('https://api.resend.com'),
    RESEND_WEBHOOK_SECRET: webhookSecrets,
  })
  .superRefine((given, ctx) => {
    if (given.NODE_ENV === 'production' && given.RESEND_WEBHOOK_SECRET.includes(DEMO_WEBHOOK_SECRET)) {
      ctx.addIssue({ code: 'custom', path: ['RESEND_WEBHOOK_SECRET'], message: 'must be set in production: the demo value is public' });
    }
    if (given.MAIL_PROVIDER === 'resend' && !given.RESEND_API_KEY) {
      ctx.addIssue({ code: 'custom', path: ['RESEND_API_KEY'], message: 'must be set for MAIL_PROVIDER=resend' });
    }
  })
  .transform((given) => ({
    production: given.NODE_ENV === 'production',
    mailProvider: given.MAIL_PROVIDER ?? (given.RESEND_API_KEY ? ('resend' as const) : ('local' as const)),
    mailDir: given.MAIL_DIR ?? path.join(given.DATA_DIR, 'mail'),
    mailFrom: given.MAIL_FROM,
    maxAttempts: given.MAIL_MAX_ATTEMPTS,
    firstRetryMs: given.MAIL_FIRST_RETRY_MS,
    mailsPerMinute: given.MAILS_PER_MINUTE,
    resendApiKey: given.RESEND_API_KEY,
    resendApiUrl: given.RESEND_API_URL,
    webhookSecrets: given.RESEND_WEBHOOK_SECRET,
  }));
export type InboxConfig = z.output<typeof inboxConfig>;

/** @throws ConfigError that names each variable and what it should hold */
export function readInboxConfig(env: NodeJS.ProcessEnv): InboxConfig {
  return parseEnvironment(inboxConfig, env);
}
