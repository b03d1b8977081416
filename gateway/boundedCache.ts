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

/**
 * A map that forgets what was used least recently once it holds `limit` entries, or more than their weights may be in all: what clients can
 * make grow must have an end, and a thousand texts of a megabyte are none.
 */
export function createBoundedCache<K, V>(limit: number, weights: Weights<K, V> | null = null): BoundedCache<K, V> {
  const entries = new Map<K, { value: V; weight: number }>();
  let total = 0;
  const remove = (key: K) => {
    total -= entries.get(key)?.weight ?? 0;
    entries.delete(key);
  };
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // A Map remembers insertion order, so putting an entry back makes it the newest.
      entries.delete(key);
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value) {
      remove(key);
      const weight = weights?.of(key, value) ?? 0;
      if (weights && weight > weights.limit / 4) return;
      entries.set(key, { value, weight });
      total += weight;
      while (entries.size > limit || (weights && total > weights.limit)) remove(entries.keys().next().value as K);
    },
    delete: remove,
    keys: () => [...entries.keys()],
  };
}
