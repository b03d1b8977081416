import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';
import { DEFAULT_CURRENCY, parseAmount } from '../../platform/money.js';
import type { KashierOptions } from './adapters/kashierGateway.js';
import { type SandboxFaults, sandboxFaultsSchema } from './adapters/sandboxFaults.js';

/** Signs the sandbox's webhooks on a laptop. Everybody knows it, so production refuses it. */
export const DEMO_SANDBOX_SECRET = 'waygraph-sandbox-demo-secret-for-laptops-only';

const sandboxServed = (env: { PAYMENT_SANDBOX?: 'on' | 'off'; NODE_ENV?: string }) =>
  (env.PAYMENT_SANDBOX ?? (env.NODE_ENV === 'production' ? 'off' : 'on')) === 'on';

const schema = z
  .object({
    NODE_ENV: z.string().optional(),
    /** Which gateway takes deposits and cards. */
    PAYMENT_GATEWAY: z.enum(['sandbox', 'kashier']).default('sandbox'),
    /** Whether the sandbox's pages and API are served. Off in production unless it is set: whoever reaches them can credit wallets. */
    PAYMENT_SANDBOX: z.enum(['on', 'off']).optional(),
    /** What the sandbox does wrong on purpose, such as `copies=3 reorder`. */
    PAYMENT_SANDBOX_FAULTS: sandboxFaultsSchema,
    /**
     * Who sends approved withdrawals: the sandbox's bank, which sends nothing, or admins by hand (`confirmPayout`). By hand wherever the sandbox is off; the
     * sandbox's bank in production only when it is named.
     */
    PAYOUTS: z.enum(['sandbox', 'manual']).optional(),
    KASHIER_MERCHANT_ID: z.string().min(1).optional(),
    KASHIER_API_KEY: z.string().min(1).optional(),
    KASHIER_SECRET_KEY: z.string().min(1).optional(),
    KASHIER_MODE: z.enum(['test', 'live']).default('test'),
    KASHIER_CHECKOUT_URL: z.url({ protocol: /^https?$/ }).default('https://checkout.kashier.io'),
    /** Kashier's own address for the mode when not given. */
    KASHIER_API_URL: z.url({ protocol: /^https?$/ }).optional(),
    /** Secret shared with the sandbox gateway: HMAC-SHA256 key of its webhooks, of payment pages, and of our calls to it. */
    PAYMENT_SANDBOX_SECRET: z.string().min(32, 'must be at least 32 characters').default(DEMO_SANDBOX_SECRET),
    /** Where browsers reach the gateway, for payment pages; where our own processes reach it when not given. */
    PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be a URL such as https://api.example.com' }).optional(),
    /** Where Kashier tells of single orders; its own address for the mode when not given. */
    KASHIER_REPORT_URL: z.url({ protocol: /^https?$/ }).optional(),
    /** How far below zero a driver's wallet may go for commission on cash trips, in EGP. */
    DRIVER_DEBT_LIMIT: z
      .string()
      .regex(/^\d{1,9}(\.\d{1,2})?$/, 'must be an amount such as 500.00')
      .default('500.00'),
    /** How long one call to a payment gateway may take before it counts as unanswered, in milliseconds. */
    PAYMENT_GATEWAY_TIMEOUT_MS: z.coerce.number().int().min(50).max(30_000).default(2_000),
  })
  .refine((env) => env.NODE_ENV !== 'production' || env.PAYMENT_GATEWAY !== 'sandbox' || env.PAYMENT_SANDBOX === 'on', {
    path: ['PAYMENT_GATEWAY'],
    message: 'must be a real gateway in production, or PAYMENT_SANDBOX must be on: the sandbox takes no money for what it credits',
  })
  .refine((env) => env.PAYOUTS !== 'sandbox' || sandboxServed(env), {
    path: ['PAYOUTS'],
    message: 'must be manual where the sandbox is off: its bank would say that it paid, and send nothing',
  })
  .refine((env) => env.PAYMENT_GATEWAY !== 'kashier' || (env.KASHIER_MERCHANT_ID && env.KASHIER_API_KEY && env.KASHIER_SECRET_KEY), {
    path: ['KASHIER_MERCHANT_ID'],
    message: 'must be set with KASHIER_API_KEY and KASHIER_SECRET_KEY when PAYMENT_GATEWAY is kashier',
  })
  .refine((env) => env.NODE_ENV !== 'production' || env.PAYMENT_SANDBOX !== 'on' || env.PAYMENT_SANDBOX_SECRET !== DEMO_SANDBOX_SECRET, {
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
  /** Null: its routes are not served. */
  sandboxFaults: SandboxFaults | null;
  /** Who sends approved withdrawals. */
  payouts: 'sandbox' | 'manual';
  /** Null: the sandbox takes deposits and cards. */
  kashier: Omit<KashierOptions, 'origin' | 'timeoutMs'> | null;
}

/** Payments-ledger's own environment. @throws ConfigError that names the variable */
export function readPaymentsConfig(env: NodeJS.ProcessEnv): PaymentsConfig {
  const parsed = parseEnvironment(schema, env);
  const served = sandboxServed(parsed);
  return {
    payouts: parsed.PAYOUTS ?? (served && parsed.NODE_ENV !== 'production' ? 'sandbox' : 'manual'),
    sandboxFaults: served ? parsed.PAYMENT_SANDBOX_FAULTS : null,
    kashier: parsed.PAYMENT_GATEWAY === 'kashier' ? kashierOf(parsed) : null,
    sandboxSecret: parsed.PAYMENT_SANDBOX_SECRET,
    publicOrigin: parsed.PUBLIC_URL ? new URL(parsed.PUBLIC_URL).origin : null,
    driverDebtLimitMinor: parseAmount(parsed.DRIVER_DEBT_LIMIT, DEFAULT_CURRENCY, 'DRIVER_DEBT_LIMIT').amountMinor,
    gatewayTimeoutMs: parsed.PAYMENT_GATEWAY_TIMEOUT_MS,
  };
}

function kashierOf(parsed: z.output<typeof schema>): PaymentsConfig['kashier'] {
  const host = parsed.KASHIER_MODE === 'live' ? 'https://fep.kashier.io' : 'https://test-fep.kashier.io';
  const reports = parsed.KASHIER_MODE === 'live' ? 'https://api.kashier.io' : 'https://test-api.kashier.io';
  return {
    merchantId: parsed.KASHIER_MERCHANT_ID ?? '',
    apiKey: parsed.KASHIER_API_KEY ?? '',
    secretKey: parsed.KASHIER_SECRET_KEY ?? '',
    mode: parsed.KASHIER_MODE,
    checkoutUrl: new URL(parsed.KASHIER_CHECKOUT_URL).origin,
    apiUrl: new URL(parsed.KASHIER_API_URL ?? host).origin,
    reportUrl: new URL(parsed.KASHIER_REPORT_URL ?? reports).origin,
  };
}
