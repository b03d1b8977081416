import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';
import { DEFAULT_CURRENCY, parseAmount } from '../../platform/money.js';

/** Signs the sandbox's webhooks on a laptop. Everybody knows it, so production refuses it. */
export const DEMO_SANDBOX_SECRET = 'waygraph-sandbox-demo-secret-for-laptops-only';

const schema = z
  .object({
    NODE_ENV: z.string().optional(),
    /** Secret shared with the sandbox gateway: HMAC-SHA256 key of its webhooks, of payment pages, and of our calls to it. */
    PAYMENT_SANDBOX_SECRET: z.string().min(32, 'must be at least 32 characters').default(DEMO_SANDBOX_SECRET),
    /** Where browsers reach the gateway, for payment pages; where our own processes reach it when not given. */
    PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be a URL such as https://api.example.com' }).optional(),
    /** How far below zero a driver's wallet may go for commission on cash trips, in EGP. */
    DRIVER_DEBT_LIMIT: z
      .string()
      .regex(/^\d{1,9}(\.\d{1,2})?$/, 'must be an amount such as 500.00')
      .default('500.00'),
    /** How long one call to a payment gateway may take before it counts as unanswered, in milliseconds. */
    PAYMENT_GATEWAY_TIMEOUT_MS: z.coerce.number().int().min(50).max(30_000).default(2_000),
  })
  .refine((env) => env.NODE_ENV !== 'production' || env.PAYMENT_SANDBOX_SECRET !== DEMO_SANDBOX_SECRET, {
    path: ['PAYMENT_SANDBOX_SECRET'],
    message: 'must be set to a secret of your own in production: whoever knows it can credit wallets',
  });

export interface PaymentsConfig {
  sandboxSecret: string;
  /** Scheme, host and port for addresses that people open; null: those of the graph's own address. */
  publicOrigin: string | null;
  /** Minor units of EGP, positive. */
  driverDebtLimitMinor: bigint;
  gatewayTimeoutMs: number;
}

/** Payments-ledger's own environment. @throws ConfigError that names the variable */
export function readPaymentsConfig(env: NodeJS.ProcessEnv): PaymentsConfig {
  const parsed = parseEnvironment(schema, env);
  return {
    sandboxSecret: parsed.PAYMENT_SANDBOX_SECRET,
    publicOrigin: parsed.PUBLIC_URL ? new URL(parsed.PUBLIC_URL).origin : null,
    driverDebtLimitMinor: parseAmount(parsed.DRIVER_DEBT_LIMIT, DEFAULT_CURRENCY, 'DRIVER_DEBT_LIMIT').amountMinor,
    gatewayTimeoutMs: parsed.PAYMENT_GATEWAY_TIMEOUT_MS,
  };
}
