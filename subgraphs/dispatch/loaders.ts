import DataLoader from 'dataloader';
import type { Context } from '../../platform/context.js';
import type { Dispatch, DispatchLoaders } from './context.js';
import { driversByIds, onLiveTripsWith } from './driverQueries.js';
import { isParty, tripsByIds } from './tripQueries.js';

/**
 * Loaders of one request or one subscription: each batch is one query, as the actor. Without their cache, because a subscription lives for hours
 * with the loaders that it began with, and every event has to show what is true then.
 */
export function dispatchLoaders(run: Context['run'], dispatch: Dispatch): DispatchLoaders {
  return {
    dispatch,
    trip: new DataLoader(
      (ids) =>
        run(async (tx) => {
          const rows = await tripsByIds(tx.orm, [...new Set(ids)]);
          return inOrder(
            ids,
            rows.filter((row) => isParty(tx.actor, row)),
          );
        }),
      { cache: false },
    ),
    driver: new DataLoader(async (ids) => inOrder(ids, await run((tx) => driversByIds(tx.orm, [...new Set(ids)]))), { cache: false }),
    isOnTripWith: new DataLoader(
      async (ids) => {
        const found = await run((tx) => onLiveTripsWith(tx.orm, [...new Set(ids)]));
        return ids.map((id) => found.has(id));
      },
      { cache: false },
    ),
  };
}

function inOrder<T extends { id: string }>(ids: readonly string[], rows: readonly T[]): (T | null)[] {
  const byId = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => byId.get(id) ?? null);
}
