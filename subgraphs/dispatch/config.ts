import { z } from 'zod';
import { parseEnvironment } from '../../platform/config.js';

const schema = z.object({
  /** Seconds that a driver has to answer an offer (DP-22). */
  DISPATCH_OFFER_S: z.coerce.number().positive().max(120).default(15),
  /** Seconds between two looks around when nobody was found. */
  DISPATCH_EMPTY_ROUND_S: z.coerce.number().positive().max(60).default(3),
  /** Seconds that a driver rests after a trip (DP-02). */
  DISPATCH_COOLDOWN_S: z.coerce.number().min(0).max(3600).default(60),
  /** Points that wait in this process while Postgres is down: 60 s of 5,000 drivers a second, about 60 MB. */
  DISPATCH_BUFFER_POINTS: z.coerce.number().int().min(1000).default(300_000),
});

/** Times are in milliseconds, distances in kilometres. */
export interface DispatchConfig {
  offerMs: number;
  emptyRoundMs: number;
  cooldownMs: number;
  bufferPoints: number;
  serviceArea: { centre: { lat: number; lng: number }; radiusKm: number };
  /** IANA name: hours of rates and rush go by it. */
  timeZone: string;
}

/** @throws ConfigError that names the variable */
export function readDispatchConfig(env: NodeJS.ProcessEnv): DispatchConfig {
  const parsed = parseEnvironment(schema, env);
  return {
    offerMs: parsed.DISPATCH_OFFER_S * 1000,
    emptyRoundMs: parsed.DISPATCH_EMPTY_ROUND_S * 1000,
    cooldownMs: parsed.DISPATCH_COOLDOWN_S * 1000,
    bufferPoints: parsed.DISPATCH_BUFFER_POINTS,
    serviceArea: { centre: { lat: 30.0444, lng: 31.2357 }, radiusKm: 60 },
    timeZone: 'Africa/Cairo',
  };
}
