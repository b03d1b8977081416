/** Repeatable chance: the same seed gives the same numbers on every machine. */
export interface Random {
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** A random part of the items, at least `least` of them, in their order. */
  some<T>(items: readonly T[], least?: number): T[];
}

/** Mulberry32 by Tommy Ettinger: small, and good enough to choose test cases. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    chance: (probability) => next() < probability,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('There is nothing to pick from.');
      return items[below(items.length)] as T;
    },
    some<T>(items: readonly T[], least = 0): T[] {
      const chosen = items.filter(() => next() < 0.5);
      while (chosen.length < Math.min(least, items.length)) {
        const extra = items[below(items.length)] as T;
        if (!chosen.includes(extra)) chosen.push(extra);
      }
      return items.filter((item) => chosen.includes(item));
    },
  };
}

/** FNV-1a of a text, as a number from 0 to below 1: data that depends on nothing but where it stands. */
export function fractionOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 4294967296;
}
