import type { Place } from './point.js';
import { type Fix, SLACK_M } from './spoofing.js';

// What Redis keeps of a driver is one text each, its parts with commas between them: ten fields of a hash take it several times as long to write and to
// read, and so does each key beside it. The scripts of `positionScripts.ts` write them, and know their order too.

/** The text among a driver's facts that a point brings: what no script looks into. */
export function pointFacts(point: { heading: number | null; speedKmh: number | null; slackM: number; still: number }): string {
  return `${point.heading ?? ''},${point.speedKmh ?? ''},${Math.round(point.slackM)},${point.still}`;
}

/** What Redis knows of where a driver was: `at,zone,out,heard,lng,lat,heading,speed,slack,still`. */
export interface Facts {
  place: Place;
  /** By the device's clock, milliseconds since 1970. */
  at: number;
  /** When the device last sent something, by our clock; null when it only was in Postgres. */
  heard: number | null;
  heading: number | null;
  fix: Fix;
}

export function readFacts(text: string | null | undefined): Facts | null {
  if (text == null) return null;
  const [at, , , heard, lng, lat, heading, , slack, still] = text.split(',');
  const place = { lat: Number(lat), lng: Number(lng) };
  const fix = { ...place, at: Number(at), slackM: Number(slack ?? SLACK_M), still: Number(still ?? 0) };
  return { place, at: fix.at, heard: heard ? Number(heard) : null, heading: heading ? Number(heading) : null, fix };
}

/** Where a driver was last. */
export interface Seen {
  place: Place;
  heading: number | null;
  at: Date;
}

export function readSeen(text: string | null | undefined): Seen | null {
  const facts = readFacts(text);
  return facts && { place: facts.place, heading: facts.heading, at: new Date(facts.at) };
}

/** When a copy of a driver's standing, `type,state,trip,checked,version`, was last held against Postgres; 0 for none. */
export const checkedAt = (standing: string | null | undefined): number => Number(standing?.split(',')[3] ?? 0);
