import { setImmediate as breathe } from 'node:timers/promises';
import type { Log } from '../platform/log.js';
import { createBoundedCache } from './boundedCache.js';
import { textBytes } from './executor/documentBytes.js';

/** Operations that are planned again after a reload: those used last. Apollo's planner takes some milliseconds for each. */
const MAX_OPERATIONS = 200;
/** Bytes of all their texts. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** Milliseconds after which the rest is left to those who ask for it. */
const WARM_WITHIN_MS = 10_000;

/** Plans operations ahead, so that a new schema does not make every client wait for the planner at the same moment (GW-32). */
export interface PlanWarmer {
  /** An operation that was valid, as the client wrote it. */
  used(text: string): void;
  /** The schema is new: plans what was used last, one at a time, while the gateway serves. Resolves to how many there were. */
  warm(): Promise<number>;
  stop(): void;
}

export interface PlanWarmerOptions {
  /** Operations that clients are known to send, before anybody has. */
  persisted: readonly string[];
  /** Plans one for the schema that is served now; throws when it is not valid in it. */
  plan(text: string): Promise<void>;
  log: Log;
}

export function createPlanWarmer({ persisted, plan, log }: PlanWarmerOptions): PlanWarmer {
  const recent = createBoundedCache<string, true>(MAX_OPERATIONS, { limit: MAX_TEXT_BYTES, of: textBytes });
  for (const text of persisted) recent.set(text, true);
  let run = 0;
  return {
    used(text) {
      // A get makes it the newest; only what is not there has to be put.
      if (!recent.get(text)) recent.set(text, true);
    },
    async warm() {
      run += 1;
      const own = run;
      const until = Date.now() + WARM_WITHIN_MS;
      let planned = 0;
      for (const text of recent.keys().reverse()) {
        // Requests come first; and a newer schema makes these plans worthless.
        await breathe();
        if (own !== run || Date.now() > until) break;
        try {
          await plan(text);
          planned += 1;
        } catch {
          // Not valid any more: whoever still sends it is told so.
        }
      }
      log.debug({ planned }, 'plans warmed');
      return planned;
    },
    stop: () => {
      run += 1;
    },
  };
}
