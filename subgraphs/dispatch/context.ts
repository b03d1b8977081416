import type DataLoader from 'dataloader';
import type { Redis } from 'ioredis';
import type { Context } from '../../platform/context.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import type { Precedence } from '../../platform/precedence.js';
import type { Storage } from '../../platform/storage.js';
import type { Routing } from './adapters/routing.js';
import type { CityTime } from './cityClock.js';
import type { DispatchConfig } from './config.js';
import type { DriverRow } from './driver.js';
import type { QueueChange } from './airportQueue.js';
import type { Journal } from './journal.js';
import type { KnownDrivers } from './knownDrivers.js';
import type { LocationBuffer } from './locationBuffer.js';
import type { Flagged } from './locationFlags.js';
import type { NearbyMap } from './nearbyMap.js';
import type { OpenOffers } from './openOffers.js';
import type { PositionBacklog } from './positionBacklog.js';
import type { Positions } from './positions.js';
import type { Strategies } from './strategies.js';
import type { SupplyMap } from './supplyMap.js';
import type { TripRow } from './trip.js';
import type { ZoneCache } from './zoneCache.js';

/** What commands and resolvers reach besides the transaction. */
export interface Dispatch {
  config: DispatchConfig;
  feed: Pick<LiveFeed, 'publish' | 'listen'>;
  positions: Positions;
  /** Where drivers' papers lie, who signs addresses to send them to, and where people reach us. */
  files: { storage: Storage; uploads: LinkSigner; origin: () => string };
  /** For the check of invariants alone; everything else goes through `positions`. */
  redis: Redis;
  buffer: LocationBuffer;
  /** Newest points that wait for Redis. */
  backlog: PositionBacklog;
  zones: ZoneCache;
  /** What drivers who watch for offers are shown. */
  openOffers: OpenOffers;
  /** Searches that begin, which what others do about them gives way to. */
  precedence: Precedence;
  /** Requests for rides that are being written: rounds wait for them a moment, to be made together. */
  requests: Precedence;
  /** Points that cannot be true, on their way to Postgres. */
  flags: Journal<Flagged>;
  /** Who comes to airports and leaves them, on its way to Postgres. */
  queueChanges: Journal<QueueChange>;
  /** Live maps that people watch. */
  nearbyMap: NearbyMap;
  routing: Routing;
  /** Free drivers per cell of the city. */
  supply: SupplyMap;
  strategies: Strategies;
  /** The city's own clock. */
  cityTime: (at: Date) => CityTime;
  /** For what goes wrong without stopping anything: it is logged. */
  onError: (error: unknown, what: string) => void;
  /** Who drives for us, as far as this process has heard. */
  drivers: KnownDrivers;
}

export interface DispatchLoaders {
  /** Trips that the actor is a party of, or may see by office; null for others. */
  trip: DataLoader<string, TripRow | null>;
  /** Drivers that the actor may see. */
  driver: DataLoader<string, DriverRow | null>;
  /** Whether the actor is on a live trip with the driver. */
  isOnTripWith: DataLoader<string, boolean>;
  dispatch: Dispatch;
}

export type DispatchContext = Context<DispatchLoaders>;
