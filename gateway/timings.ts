import type { FetchTiming } from './executor/run.js';

/** With `1` an operation is answered with `extensions.timings` too, for those who may see them (EN-06). */
export const TIMINGS_HEADER = 'x-waygraph-timings';

/** Fetches of one operation that are told of. */
const MAX_TIMINGS = 1_000;

/** What the executor puts before names that could be mistaken for others (executor/sourceNames.ts). */
const OWN_ALIAS = /\b_wg\d+_/g;

/** One fetch from a subgraph, as a client is told of it; all times in milliseconds. */
export interface ToldTiming {
  service: string;
  /** Where in the answer its objects stand, `@` for each list; empty for root fields. */
  path: string;
  /** Since the operation began. */
  startMs: number;
  durationMs: number;
  /** Entities that were asked for, each once; 0 for root fields. */
  entities: number;
  /** What the subgraph was asked, as the plan has it. */
  operation: string;
}

/** Collects where the time of one operation goes. */
export interface Timings {
  note(timing: FetchTiming): void;
  /** In the order in which the fetches began. */
  told(): ToldTiming[];
}

export function createTimings(): Timings {
  const beganMs = performance.now();
  const noted: FetchTiming[] = [];
  const rounded = (ms: number) => Math.round(ms * 1_000) / 1_000;
  return {
    note(timing) {
      if (noted.length < MAX_TIMINGS) noted.push(timing);
    },
    told: () =>
      [...noted]
        .sort((a, b) => a.startedMs - b.startedMs)
        .map(({ service, path, startedMs, durationMs, entities, operation }) => ({
          service,
          path: path.replaceAll(OWN_ALIAS, ''),
          startMs: rounded(startedMs - beganMs),
          durationMs: rounded(durationMs),
          entities,
          operation,
        })),
  };
}
