import type { CityTime } from './cityClock.js';

export const QUARTER_MS = 15 * 60_000;
/** Quarters of a week: the season of demand (DP-35). */
export const SLOTS = 7 * 24 * 4;
/** How much a new week counts against those before it, once there are some: with 0.3 a change of habits is mostly learnt in a month. */
const ALPHA = 0.3;
/** Levels below this are forgotten: most cells of a city are quiet at most times. */
const LEAST_LEVEL = 0.02;

/** What is expected of a cell in one quarter hour of the week. */
export interface Season {
  level: number;
  /** Mean absolute error of the forecasts so far, smoothed alike; 0 before the second week. */
  meanError: number;
  weeks: number;
}

/** The quarter hour that a moment lies in. City clocks differ from UTC by whole quarters. */
export function quarterOf(at: Date): Date {
  return new Date(Math.floor(at.getTime() / QUARTER_MS) * QUARTER_MS);
}

/** Which quarter of the city's week that is, from Sunday 0:00. */
export function slotOf(quarter: Date, cityTime: (at: Date) => CityTime): number {
  const { weekday, hour } = cityTime(quarter);
  return (weekday * 24 + hour) * 4 + Math.floor(quarter.getUTCMinutes() / 15);
}

/**
 * Learns from what came (simple exponential smoothing per season, Holt–Winters without trend: demand of a cell has no trend worth its noise). The first weeks
 * count alike, so that the level is their mean, until a new week would count less than ALPHA.
 */
export function learned(season: Season | undefined, actual: number): Season {
  if (!season || season.weeks === 0) return { level: actual, meanError: 0, weeks: 1 };
  const error = Math.abs(actual - season.level);
  const share = (earlier: number) => Math.max(ALPHA, 1 / (earlier + 1));
  return {
    level: season.level + share(season.weeks) * (actual - season.level),
    meanError: season.meanError + share(season.weeks - 1) * (error - season.meanError),
    weeks: season.weeks + 1,
  };
}

/**
 * The seasons of one quarter of the week, after a week in which so much was asked for in each cell. A cell that is not known yet was quiet in all
 * `weeksBefore` weeks that were counted before: without them, one request ever would be expected again every week.
 */
export function nextSeasons(known: ReadonlyMap<string, Season>, counts: ReadonlyMap<string, number>, weeksBefore: number): Map<string, Season> {
  const next = new Map<string, Season>();
  for (const cell of new Set([...known.keys(), ...counts.keys()])) {
    const season = learned(known.get(cell) ?? { level: 0, meanError: 0, weeks: weeksBefore }, counts.get(cell) ?? 0);
    if (season.level >= LEAST_LEVEL) next.set(cell, season);
  }
  return next;
}

/** What may be relied on of a season: as if one week more had been quiet. A single request of a first week is no reason to drive there. */
export function reliableLevel({ level, weeks }: Pick<Season, 'level' | 'weeks'>): number {
  return (level * weeks) / (weeks + 1);
}

/** A cell as a driver who looks for work sees it. */
export interface Prospect {
  cell: string;
  /** Requests expected in the next quarter hour. */
  expected: number;
  /** Free drivers there now. */
  available: number;
  awayM: number;
}

/** Driving there must be worth it: so many more requests per driver than where one is. */
const WORTH_REQUESTS = 0.5;
/** What a kilometre costs, in requests per driver. */
const PER_KM = 0.12;
/** Below this a cell is noise. */
const LEAST_EXPECTED = 0.8;

/**
 * Where an idle driver would rather be (DP-35), or null when here: the cell with the most requests per driver, himself among them, less the way. Drivers of
 * one place must not all get the same answer: each is told one of the good cells, as often as its share of the surplus, by a number of his own from 0 to 1.
 */
export function bestProspect(here: Prospect, others: readonly Prospect[], spread: number): Prospect | null {
  const staying = here.expected / Math.max(1, here.available);
  const gains = others
    .map((prospect) => ({ prospect, gain: prospect.expected / (prospect.available + 1) - staying - (prospect.awayM / 1000) * PER_KM }))
    .filter(({ prospect, gain }) => prospect.expected >= LEAST_EXPECTED && gain >= WORTH_REQUESTS)
    .sort((a, b) => b.gain - a.gain || (a.prospect.cell < b.prospect.cell ? -1 : 1));
  const total = gains.reduce((sum, { gain }) => sum + gain, 0);
  let rest = spread * total;
  for (const { prospect, gain } of gains) {
    rest -= gain;
    if (rest <= 0) return prospect;
  }
  return gains.at(-1)?.prospect ?? null;
}
