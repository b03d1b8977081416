import { localRouting } from './adapters/routing.js';
import { batched } from './batched.js';
import { broadcastBid } from './broadcastBid.js';
import { cityClock } from './cityClock.js';
import { firstAccept } from './firstAccept.js';
import { scheduled } from './scheduled.js';
import { sequential } from './sequential.js';
import type { MatchingStrategy, StrategyName } from './strategy.js';

export type Strategies = Readonly<Record<StrategyName, MatchingStrategy>>;

/** All strategies by name, with the times of the configuration. */
export function strategiesFor(config: { offerMs: number; batchMs: number; timeZone: string }): Strategies {
  const cityTime = cityClock(config.timeZone);
  const { speedKmh } = localRouting((at) => cityTime(at).hour);
  return {
    FIRST_ACCEPT: firstAccept({ ...config, speedKmh }),
    SEQUENTIAL: sequential({ ...config, speedKmh }),
    BROADCAST_BID: broadcastBid(),
    SCHEDULED: scheduled(config),
    BATCHED: batched({ ...config, speedKmh }),
  };
}
