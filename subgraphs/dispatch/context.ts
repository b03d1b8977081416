import type DataLoader from 'dataloader';
import type { Context } from '../../platform/context.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import type { Routing } from './adapters/routing.js';
import type { CityTime } from './cityClock.js';
import type { DispatchConfig } from './config.js';
import type { DriverRow } from './driver.js';
import type { LocationBuffer } from './locationBuffer.js';
import type { Positions } from './positions.js';
import type { TripRow } from './trip.js';

/** What commands and resolvers reach besides the transaction. */
export interface Dispatch {
  config: DispatchConfig;
  feed: Pick<LiveFeed, 'publish' | 'listen'>;
  positions: Positions;
  buffer: LocationBuffer;
  routing: Routing;
  /** The city's own clock. */
  cityTime: (at: Date) => CityTime;
  /** The driver that a person is, or null. */
  driverIdOf: (userId: string) => Promise<string | null>;
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
