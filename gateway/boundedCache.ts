export interface BoundedCache<K, V> {
  get(key: K): V | undefined;
  /** What weighs more than a quarter of all that may be kept is not kept at all: it would push out everything else. */
  set(key: K, value: V): void;
  delete(key: K): void;
  /** From the one that was used least recently to the newest. */
  keys(): K[];
}

/** How much a cache may hold in all, and what an entry is of that: bytes, more or less. */
export interface Weights<K, V> {
  limit: number;
  of(key: K, value: V): number;
}

interface Entry<K, V> {
  key: K;
  value: V;
  weight: number;
  older: Entry<K, V> | null;
  newer: Entry<K, V> | null;
}

/**
 * A map that forgets what was used least recently once it holds `limit` entries, or more than their weights may be in all: what clients can
 * make grow must have an end, and a thousand texts of a megabyte are none. The order is a list of its own: a Map's own order would have to be changed by
 * taking out and putting back, for which it makes itself anew every few times.
 */
export function createBoundedCache<K, V>(limit: number, weights: Weights<K, V> | null = null): BoundedCache<K, V> {
  const entries = new Map<K, Entry<K, V>>();
  let oldest: Entry<K, V> | null = null;
  let newest: Entry<K, V> | null = null;
  let total = 0;

  const unlink = (entry: Entry<K, V>) => {
    if (entry.older) entry.older.newer = entry.newer;
    else oldest = entry.newer;
    if (entry.newer) entry.newer.older = entry.older;
    else newest = entry.older;
  };
  const append = (entry: Entry<K, V>) => {
    entry.older = newest;
    entry.newer = null;
    if (newest) newest.newer = entry;
    else oldest = entry;
    newest = entry;
  };
  const remove = (key: K) => {
    const entry = entries.get(key);
    if (!entry) return;
    total -= entry.weight;
    entries.delete(key);
    unlink(entry);
  };

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      if (entry !== newest) {
        unlink(entry);
        append(entry);
      }
      return entry.value;
    },
    set(key, value) {
      remove(key);
      const weight = weights?.of(key, value) ?? 0;
      if (weights && weight > weights.limit / 4) return;
      const entry: Entry<K, V> = { key, value, weight, older: null, newer: null };
      entries.set(key, entry);
      append(entry);
      total += weight;
      while (oldest && (entries.size > limit || (weights && total > weights.limit))) remove(oldest.key);
    },
    delete: remove,
    keys() {
      const keys: K[] = [];
      for (let entry = oldest; entry; entry = entry.newer) keys.push(entry.key);
      return keys;
    },
  };
}
