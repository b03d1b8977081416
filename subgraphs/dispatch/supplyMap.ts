/** How many drivers are free in each H3 cell of the whole city, as of some seconds ago. */
export interface SupplyMap {
  /** @throws what `read` throws when nothing is known that is young enough */
  byCell(): Promise<ReadonlyMap<string, number>>;
}

/** Idle drivers ask again after half a minute: what is younger than this is as good as new, and hundreds of them share one reading. */
const FRESH_MS = 10_000;

/** @param read counts the whole city; one reading runs at a time, and all who ask meanwhile wait for it */
export function openSupplyMap({ read, clock }: { read: () => Promise<Map<string, number>>; clock: () => Date }): SupplyMap {
  let known: { counts: ReadonlyMap<string, number>; atMs: number } | null = null;
  let reading: Promise<ReadonlyMap<string, number>> | null = null;
  const readAgain = async () => {
    const atMs = clock().getTime();
    const counts = await read();
    known = { counts, atMs };
    return counts;
  };
  return {
    byCell: () => {
      if (known && clock().getTime() - known.atMs < FRESH_MS) return Promise.resolve(known.counts);
      reading ??= readAgain().finally(() => {
        reading = null;
      });
      return reading;
    },
  };
}
