import type { WaygraphClient } from '../../sdk/client.js';
import { openFleet } from './drivers.js';
import { clientOf, forEach, newPerson } from './people.js';
import { type PlannedRequest, planRequests } from './requests.js';
import { openRiders } from './riders.js';
import { type Report, reportOf, Statistics } from './statistics.js';
import type { System } from './system.js';
import { openView } from './view.js';

export const STRATEGIES = ['FIRST_ACCEPT', 'SEQUENTIAL', 'BATCHED'] as const;
export type Strategy = (typeof STRATEGIES)[number];

export interface Settings {
  strategy: Strategy;
  drivers: number;
  /** Requests a minute. */
  riders: number;
  minutes: number;
  seed: number;
  speed: number;
  hints: boolean;
  /** Seconds that searches which are still open have after the last request. */
  drainS: number;
  /** So many requests a minute more after each stretch of `minutes`, until the goal is missed; 0: one stretch. */
  raise: number;
  layout: string;
}

export interface Stretch {
  ridersPerMinute: number;
  requests: number;
  matchedWithin60s: number | null;
  waitP50S: number | null;
  waitP90S: number | null;
  quoteP99Ms: number | null;
}

/** The goal of DP-37. */
const GOAL = 0.8;
const GOAL_WITHIN_MS = 60_000;
const MAX_STRETCHES = 20;

/** Drives a system with simulated people, until the time is over or `stopped` says so. */
export async function runOn(system: System, settings: Settings, stopped: AbortSignal): Promise<Report & { stretches?: Stretch[] }> {
  const admin = clientOf(system);
  admin.use((await admin.SignIn({ input: system.admin })).signIn);
  await admin.ChooseStrategy({ input: { strategy: settings.strategy } });
  await admin.close();

  const statistics = new Statistics();
  const fleet = await openFleet(system, settings, statistics, (count) => {
    if (count % 100 === 0 || count === settings.drivers) console.log(`${count} of ${settings.drivers} drivers are on the road`);
  });
  const accounts: WaygraphClient[] = [];
  // As many as will be under way at once, roughly; more are made when they are needed.
  const expected = Math.ceil(Math.min(settings.riders * settings.minutes, (settings.riders * 12) / settings.speed));
  await forEach(Array.from({ length: expected }), async () => {
    if (!stopped.aborted) accounts.push(await newPerson(system, 'CUSTOMER'));
  });

  statistics.startedAt = Date.now();
  const riders = openRiders(system, settings, statistics, accounts);
  const stretchMs = settings.minutes * 60_000;
  const view = openView(
    `${settings.strategy}: ${settings.drivers} drivers, ${settings.riders} requests a minute, seed ${settings.seed}`,
    statistics,
    stretchMs,
  );
  const rides: Promise<void>[] = [];
  const stretches: { ridersPerMinute: number; endedAt: number; statistics: Statistics }[] = [];
  const isBroken = () => stretches.some(({ endedAt, statistics: own }) => Date.now() > endedAt && !mayMeetGoal(own, Date.now() <= endedAt + GOAL_WITHIN_MS));
  for (let n = 0; n === 0 || (settings.raise > 0 && n < MAX_STRETCHES && !isBroken() && !stopped.aborted); n += 1) {
    const ridersPerMinute = settings.riders + n * settings.raise;
    const own = new Statistics();
    const beganAt = Date.now();
    stretches.push({ ridersPerMinute, endedAt: beganAt + stretchMs, statistics: own });
    const requests = planRequests({ seed: settings.seed + n, ridersPerMinute, minutes: settings.minutes });
    await comeInTime(requests, beganAt, stopped, (request) => rides.push(riders.ride(request, own)));
    await until(beganAt + stretchMs, stopped);
  }
  // The drain's timer ends with the last ride: left alone it would keep the process alive.
  const allOver = new AbortController();
  const over = Promise.all(rides).finally(() => allOver.abort());
  await Promise.race([over, until(Date.now() + settings.drainS * 1000, AbortSignal.any([stopped, allOver.signal]))]);
  view.stop();
  const report = reportOf(statistics, { ...settings, system: system.description, node: process.versions.node });
  await riders.stop();
  await fleet.stop(settings.layout === 'running');
  return settings.raise > 0 ? { ...report, stretches: stretches.map(({ ridersPerMinute, statistics: own }) => stretchOf(ridersPerMinute, own)) } : report;
}

async function comeInTime(requests: readonly PlannedRequest[], beganAt: number, stopped: AbortSignal, come: (request: PlannedRequest) => void): Promise<void> {
  for (const request of requests) {
    await until(beganAt + request.atMs, stopped);
    if (stopped.aborted) return;
    come(request);
  }
}

/** Resolves at that time, or when everything is to stop. */
function until(ms: number, stopped: AbortSignal): Promise<void> {
  const waitMs = ms - Date.now();
  if (waitMs <= 0 || stopped.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const settle = () => {
      clearTimeout(timer);
      stopped.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, waitMs);
    stopped.addEventListener('abort', settle);
  });
}

/** Whether enough were matched in time, or still may be while searches are `open`: those that nobody was found for, or that were given up, are not. */
function mayMeetGoal({ requested, matched, matchedSoon, cancelled, noDrivers }: Statistics, open: boolean): boolean {
  const inTime = open ? requested - (cancelled + noDrivers + (matched - matchedSoon)) : matchedSoon;
  return requested === 0 || inTime / requested >= GOAL;
}

function stretchOf(ridersPerMinute: number, own: Statistics): Stretch {
  const { requests, matchedWithin60s, waitForDriverS, quote } = reportOf(own, {});
  return { ridersPerMinute, requests, matchedWithin60s, waitP50S: waitForDriverS.p50, waitP90S: waitForDriverS.p90, quoteP99Ms: quote.p99Ms };
}
