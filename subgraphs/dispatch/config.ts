import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';
import { type FilesConfig, readFilesConfig } from '../../platform/storage.js';
import { DOCUMENT_KINDS, type DocumentKind } from './documentCommands.js';

const schema = z.object({
  /** Seconds that a driver has to answer an offer (DP-22). */
  DISPATCH_OFFER_S: z.coerce.number().positive().max(120).default(15),
  /** Seconds between two looks around when nobody was found. */
  DISPATCH_EMPTY_ROUND_S: z.coerce.number().positive().max(60).default(3),
  /** Seconds that a driver rests after a trip (DP-02). */
  DISPATCH_COOLDOWN_S: z.coerce.number().min(0).max(3600).default(60),
  /** Searches at once from which rounds get longer (DP-25). */
  DISPATCH_OVERLOAD_SEARCHES: z.coerce.number().int().min(1).max(100_000).default(300),
  /** Points that wait in this process while Postgres is down: 60 s of 5,000 drivers a second, about 60 MB. */
  DISPATCH_BUFFER_POINTS: z.coerce.number().int().min(1000).default(300_000),
  /** Drivers whose newest point waits in this process while Redis is down: about 20 MB. */
  DISPATCH_BACKLOG_DRIVERS: z.coerce.number().int().min(100).default(100_000),
  /** Seconds between two decisions of batched matching (DP-22). */
  DISPATCH_BATCH_S: z.coerce.number().positive().max(30).default(3),
  /** What hour, traffic, events and surge together may multiply a price by at most (DP-11). */
  DISPATCH_MAX_MULTIPLIER: z.coerce.number().min(1).max(5).default(3.5),
  /** Papers that a driver has to have shown before he is approved, such as `LICENCE,INSURANCE`; `none` for none (DP-01b). All in production, else none. */
  DISPATCH_REQUIRED_DOCUMENTS: z
    .string()
    .transform((list) => (list.trim() === 'none' ? [] : list.split(',').map((kind) => kind.trim())))
    .pipe(z.array(z.enum(DOCUMENT_KINDS)))
    .optional(),
  NODE_ENV: z.string().optional(),
  /** An OSRM server, such as http://osrm.internal:5000; without one, our own model of the streets is used (DP-15). */
  OSRM_URL: z.url({ protocol: /^https?$/ }).optional(),
});

/** Times are in milliseconds, distances in kilometres. */
export interface DispatchConfig extends FilesConfig {
  requiredDocuments: readonly DocumentKind[];
  offerMs: number;
  emptyRoundMs: number;
  cooldownMs: number;
  bufferPoints: number;
  backlogDrivers: number;
  batchMs: number;
  maxMultiplierPermille: bigint;
  /** Null: no routing server. */
  osrmUrl: string | null;
  overloadSearches: number;
  serviceArea: { centre: { lat: number; lng: number }; radiusKm: number };
  /** The city that this deployment serves: settings are kept by it. */
  city: string;
  /** IANA name: hours of rates and rush go by it. */
  timeZone: string;
}

/** @throws ConfigError that names the variable */
export function readDispatchConfig(env: NodeJS.ProcessEnv): DispatchConfig {
  const parsed = parseEnvironment(schema, env);
  return {
    ...readFilesConfig(env),
    requiredDocuments: parsed.DISPATCH_REQUIRED_DOCUMENTS ?? (parsed.NODE_ENV === 'production' ? DOCUMENT_KINDS : []),
    offerMs: parsed.DISPATCH_OFFER_S * 1000,
    emptyRoundMs: parsed.DISPATCH_EMPTY_ROUND_S * 1000,
    cooldownMs: parsed.DISPATCH_COOLDOWN_S * 1000,
    overloadSearches: parsed.DISPATCH_OVERLOAD_SEARCHES,
    bufferPoints: parsed.DISPATCH_BUFFER_POINTS,
    backlogDrivers: parsed.DISPATCH_BACKLOG_DRIVERS,
    batchMs: parsed.DISPATCH_BATCH_S * 1000,
    maxMultiplierPermille: BigInt(Math.round(parsed.DISPATCH_MAX_MULTIPLIER * 1000)),
    osrmUrl: parsed.OSRM_URL ?? null,
    serviceArea: { centre: { lat: 30.0444, lng: 31.2357 }, radiusKm: 60 },
    city: 'cairo',
    timeZone: 'Africa/Cairo',
  };
}
