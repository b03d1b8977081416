import DataLoader from 'dataloader';
import { type Actor, isSelfOrPrivileged } from '../../platform/actor.js';
import type { Context } from '../../platform/context.js';
import type { EntityCache } from '../../platform/entityCache.js';
import type { Tx } from '../../platform/postgres.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import type { Storage } from '../../platform/storage.js';
import { type AgreementRow, lastAgreements } from './agreementCommands.js';
import { type PhotoRow, photosOf } from './photoCommands.js';
import { availabilityOf, type VehicleFacts } from './availability.js';
import { AVAILABILITY } from './claimQueries.js';
import { type VehicleDay, vehicleCalendars } from './deskQueries.js';
import { type BookingRow, bookingsByIds, busySpansAfter, rangesAfter, vehiclesByIds } from './queries.js';

export interface AvailabilityKey {
  vehicleId: string;
  from: Date;
  to: Date;
}
export interface CalendarKey {
  vehicleId: string;
  /** First and last day. */
  from: string;
  to: string;
}
export type Availability = ReturnType<typeof availabilityOf>;

export interface BookingLoaders {
  booking: DataLoader<string, BookingRow | null>;
  availability: DataLoader<AvailabilityKey, Availability>;
  calendar: DataLoader<CalendarKey, VehicleDay[]>;
  agreement: DataLoader<string, AgreementRow | null>;
  photos: DataLoader<string, PhotoRow[]>;
  files: Files;
}

/** Where files lie, and how addresses for sending them are made. */
export interface Files {
  /** Scheme, host and port at which people reach us. */
  origin: () => string;
  uploads: LinkSigner;
  storage: Storage;
}

/**
 * Loaders of one request. Row-level security hides what the actor may not see. Availability is batched but not remembered: a request may book a
 * car between two looks, and must not be told then that it is free.
 */
export const bookingLoaders =
  (cache: EntityCache, clock: () => Date, files: Files) =>
  (run: Context['run']): BookingLoaders => ({
    booking: new DataLoader(async (ids) => {
      const rows = new Map((await run((tx) => bookingsByIds(tx.orm, ids))).map((row) => [row.id, row]));
      return ids.map((id) => rows.get(id) ?? null);
    }),
    agreement: new DataLoader(async (ids) => {
      const rows = new Map((await run((tx) => lastAgreements(tx.orm, ids))).map((row) => [row.bookingId, row]));
      return ids.map((id) => rows.get(id) ?? null);
    }),
    photos: new DataLoader(async (ids) => {
      const rows = await run((tx) => photosOf(tx.orm, ids));
      return ids.map((id) => rows.filter(({ bookingId }) => bookingId === id));
    }),
    files,
    calendar: new DataLoader((keys) => loadCalendars(run, keys), { cache: false }),
    availability: new DataLoader((keys) => loadAvailability(run, cache, clock(), keys), { cache: false }),
  });

/** The actor's own booking, or any for admins and jobs; null for one that does not exist and for somebody else's (BK-13). */
export async function visibleBooking(ctx: { actor: Actor; loaders: BookingLoaders }, bookingId: string | null): Promise<BookingRow | null> {
  const row = bookingId === null ? null : await ctx.loaders.booking.load(bookingId);
  return row && isSelfOrPrivileged(ctx.actor, row.customerId) ? row : null;
}

/** GW-30. */
const AVAILABILITY_TTL_MS = 5 * 60_000;
const DAY_MS = 86_400_000;
/** `vehicle_busy_ranges` gives no more of one vehicle; beyond them it has to be asked again. */
const MAX_RANGES = 1_000;
const NOTHING = new Float64Array();

/** What is known of a vehicle from the beginning of a day on. */
interface Outlook {
  day: number;
  vehicle: VehicleFacts | undefined;
  /** As `busySpansAfter` has them. */
  busy: Float64Array;
}

/**
 * From the cache what is taken from the beginning of today (UTC) on, which answers every window from there; one query for the vehicles and one for what is
 * taken for all that are not in it (BK-08). A window of the past, and a vehicle with too many ranges, is read where bookings are made.
 */
async function loadAvailability(run: Context['run'], cache: EntityCache, now: Date, keys: readonly AvailabilityKey[]): Promise<Availability[]> {
  const today = Math.floor(now.getTime() / DAY_MS) * DAY_MS;
  const ahead = vehicleIdsOf(keys.filter(({ from }) => from.getTime() >= today));
  const loadOutlooks = (ids: readonly string[]) => run((tx) => outlooksAfter(tx, ids, new Date(today)));
  const found = await cache.getMany<Outlook>(AVAILABILITY, ahead, AVAILABILITY_TTL_MS, loadOutlooks);
  const outlooks = new Map(ahead.map((id, index) => [id, found[index]]));
  // A cached outlook may be yesterday's, which holds all of today's and more; one of tomorrow can come from a clock that is ahead of ours.
  const fits = ({ vehicleId, from }: AvailabilityKey) => {
    const outlook = outlooks.get(vehicleId);
    return outlook && outlook.day <= from.getTime() && outlook.busy.length < 2 * MAX_RANGES ? outlook : null;
  };
  const rest = keys.filter((key) => !fits(key));
  const read = new Map<number, Map<string, Outlook>>();
  for (const beginning of new Set(rest.map(({ from }) => from.getTime()))) {
    const ids = vehicleIdsOf(rest.filter(({ from }) => from.getTime() === beginning));
    const some = await run((tx) => outlooksAfter(tx, ids, new Date(beginning)));
    read.set(beginning, new Map(ids.map((id, index) => [id, some[index] as Outlook])));
  }
  return keys.map((key) => {
    const { vehicleId, from, to } = key;
    const outlook = fits(key) ?? read.get(from.getTime())?.get(vehicleId);
    return availabilityOf(outlook?.vehicle, rangesAfter(outlook?.busy ?? NOTHING, from), from, to);
  });
}

/** One statement for all vehicles that are asked about for the same days. */
async function loadCalendars(run: Context['run'], keys: readonly CalendarKey[]): Promise<VehicleDay[][]> {
  const daysOf = ({ from, to }: CalendarKey) => `${from} ${to}`;
  const calendars = new Map<string, Map<string, VehicleDay[]>>();
  for (const asked of new Map(keys.map((key) => [daysOf(key), key])).values()) {
    const ids = [...new Set(keys.filter((key) => daysOf(key) === daysOf(asked)).map(({ vehicleId }) => vehicleId))];
    calendars.set(daysOf(asked), await run((tx) => vehicleCalendars(tx.orm, ids, asked.from, asked.to)));
  }
  return keys.map((key) => calendars.get(daysOf(key))?.get(key.vehicleId) ?? []);
}

async function outlooksAfter(tx: Tx, ids: readonly string[], from: Date): Promise<Outlook[]> {
  const vehicles = new Map((await vehiclesByIds(tx.orm, ids)).map((row) => [row.vehicleId, row]));
  const busy = await busySpansAfter(tx.orm, ids, from);
  return ids.map((id) => ({ day: from.getTime(), vehicle: vehicles.get(id), busy: busy.get(id) ?? NOTHING }));
}

function vehicleIdsOf(keys: readonly AvailabilityKey[]): string[] {
  return [...new Set(keys.map((key) => key.vehicleId))];
}
