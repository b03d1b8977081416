import { z } from 'zod';
import { parseEnvironment, port, secret } from '../platform/config.js';
import { DEFAULT_RATES, type Rate, type Rates } from './rates.js';

/** A key of a machine: who it is, what it may do, and the SHA-256 of the key itself, which is written down nowhere. */
export interface ServiceKey {
  name: string;
  sha256: string;
  scopes: readonly string[];
}

const serviceKeys = z
  .string()
  .default('')
  .transform((value, context): ServiceKey[] =>
    value
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean)
      .map((entry) => {
        // A scope may hold a colon itself, as `locations:write` does.
        const [name = '', sha256 = '', ...rest] = entry.split(':');
        const scopes = rest.join(':');
        if (!name || !/^[0-9a-f]{64}$/.test(sha256)) context.addIssue({ code: 'custom', message: 'must be a comma list of name:sha256hex:scope+scope' });
        return { name, sha256, scopes: scopes.split('+').filter(Boolean) };
      }),
  );

const list = z
  .string()
  .default('')
  .transform((value) =>
    value
      .split(',')
      .map((entry) => entry.trim())
      .filter(Boolean),
  );

const timeouts = z
  .string()
  .default('')
  .transform((value, context): Record<string, number> => {
    const entries = value.split(',').flatMap((entry) => (entry.trim() === '' ? [] : [entry.trim().split(':')]));
    for (const [name = '', ms = ''] of entries) {
      if (!name || !/^\d{2,6}$/.test(ms)) context.addIssue({ code: 'custom', message: 'must be a comma list of subgraph:milliseconds' });
    }
    return Object.fromEntries(entries.map(([name = '', ms]) => [name, Number(ms)]));
  });

/** `name=limit/seconds`, the name one of the known ones or `key:<name of a service key>`. */
const rates = z
  .string()
  .default('')
  .transform((value, context): Rates => {
    const given: Record<string, Rate> = {};
    for (const entry of value.split(',').map((part) => part.trim())) {
      if (entry === '') continue;
      const [, name = '', limit, seconds] = /^([\w:-]+)=(\d{1,9})\/(\d{1,6})$/.exec(entry) ?? [];
      const isKnown = name in DEFAULT_RATES || name.startsWith('key:');
      if (!isKnown || Number(limit) < 1 || Number(seconds) < 1) {
        context.addIssue({
          code: 'custom',
          message: `must be a comma list of name=limit/seconds; names are ${Object.keys(DEFAULT_RATES).join(', ')}, key:NAME`,
        });
        continue;
      }
      given[name] = { limit: Number(limit), windowMs: Number(seconds) * 1_000 };
    }
    return { ...DEFAULT_RATES, ...given };
  });

const remoteUrl = z.url({ protocol: /^https?$/, error: 'must be a URL such as http://fleet:4001' }).optional();

const schema = z
  .object({
    PORT: port(4000),
    HOST: z.string().optional(),
    NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
    SUPERGRAPH: z.string().default('schema/supergraph.graphql'),
    IDENTITY_URL: remoteUrl,
    FLEET_URL: remoteUrl,
    BOOKING_URL: remoteUrl,
    PAYMENTS_LEDGER_URL: remoteUrl,
    DISPATCH_URL: remoteUrl,
    INBOX_URL: remoteUrl,
    INTERNAL_SECRET: secret,
    TOKEN_ISSUER: z.string().default('waygraph'),
    TOKEN_AUDIENCE: z.string().default('waygraph'),
    SERVICE_KEYS: serviceKeys,
    CORS_ORIGINS: list,
    TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
    LOG_LEVEL: z.enum(['silent', 'error', 'warn', 'info', 'debug']).default('info'),
    RATE_LIMITS: z.enum(['on', 'off']).default('on'),
    RATE_LIMIT_RATES: rates,
    RATE_LIMIT_ALLOW: list,
    MAX_OPERATION_COST: z.coerce.number().int().positive('must be a positive whole number').optional(),
    SHARE_FETCHES: z.enum(['on', 'off']).default('on'),
    SUBGRAPH_TIMEOUTS_MS: timeouts,
    METRICS_TOKEN: z.string().min(16, 'must be at least 16 characters').optional(),
    OTEL_EXPORTER_OTLP_ENDPOINT: z.url().optional(),
  })
  .refine((env) => !(env.NODE_ENV === 'production' && env.RATE_LIMITS === 'off'), {
    path: ['RATE_LIMITS'],
    message: 'must not be off when NODE_ENV is production',
  });

export interface GatewayConfig {
  port: number;
  /** Address to listen on; all of them when not set. */
  host: string | undefined;
  production: boolean;
  /** File of the composed supergraph. */
  supergraphPath: string;
  /** Origins of subgraphs that run in processes of their own, by subgraph name. */
  remoteUrls: Readonly<Record<string, string>>;
  internalSecret: string;
  tokenIssuer: string;
  tokenAudience: string;
  serviceKeys: readonly ServiceKey[];
  /** Browser origins that may call; `*` for any. */
  corsOrigins: readonly string[];
  /** Proxies in front of us whose `X-Forwarded-For` is believed. */
  trustedProxies: number;
  logLevel: string;
  rateLimits: boolean;
  rates: Rates;
  /** Without limits: `ip:<address>`, `user:<uuid>`, `key:<name>`. */
  unlimited: readonly string[];
  /** What one operation may cost (executor/cost.ts); DEFAULT_LIMITS has it when not set. */
  maxCost?: number | undefined;
  /** Equal fetches of one person that run at the same moment are sent once (GW-31). */
  shareFetches: boolean;
  /** Milliseconds that one fetch may take, for subgraphs that get less or more than the others. */
  subgraphTimeoutsMs: Readonly<Record<string, number>>;
  metricsToken: string | undefined;
  /** OTLP collector that spans are sent to over HTTP; none are taken without it. */
  otlpEndpoint?: string | undefined;
}

/** Reads the gateway's environment. @throws ConfigError that names each variable and what it should hold */
export function readGatewayConfig(env: NodeJS.ProcessEnv): GatewayConfig {
  const given = parseEnvironment(schema, env);
  const urls = {
    identity: given.IDENTITY_URL,
    fleet: given.FLEET_URL,
    booking: given.BOOKING_URL,
    'payments-ledger': given.PAYMENTS_LEDGER_URL,
    dispatch: given.DISPATCH_URL,
    inbox: given.INBOX_URL,
  };
  const production = given.NODE_ENV === 'production';
  return {
    port: given.PORT,
    host: given.HOST,
    production,
    supergraphPath: given.SUPERGRAPH,
    remoteUrls: Object.fromEntries(Object.entries(urls).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    internalSecret: given.INTERNAL_SECRET,
    tokenIssuer: given.TOKEN_ISSUER,
    tokenAudience: given.TOKEN_AUDIENCE,
    serviceKeys: given.SERVICE_KEYS,
    // On a laptop any page may call, so that a front end on another port just works; in production the origins have to be named.
    corsOrigins: given.CORS_ORIGINS.length > 0 || production ? given.CORS_ORIGINS : ['*'],
    trustedProxies: given.TRUSTED_PROXIES,
    logLevel: given.LOG_LEVEL,
    rateLimits: given.RATE_LIMITS === 'on',
    rates: given.RATE_LIMIT_RATES,
    unlimited: given.RATE_LIMIT_ALLOW,
    maxCost: given.MAX_OPERATION_COST,
    shareFetches: given.SHARE_FETCHES === 'on',
    subgraphTimeoutsMs: given.SUBGRAPH_TIMEOUTS_MS,
    metricsToken: given.METRICS_TOKEN,
    otlpEndpoint: given.OTEL_EXPORTER_OTLP_ENDPOINT,
  };
}
