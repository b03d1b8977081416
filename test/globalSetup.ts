import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../platform/embeddedPostgres.js';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's URL of the run's Postgres server, database `postgres`: tests make databases of their own there. */
    postgresUrl: string;
  }
}

/** Nothing in a test run has to outlive a power cut. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' };
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** One Postgres server for the whole run: an embedded one that is gone afterwards, or the one that TEST_DATABASE_URL names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  // The journeys run the built system as real processes; an old build would test yesterday's code.
  const { build } = (await import(new URL('../scripts/prepare.mjs', import.meta.url).href)) as { build(): Promise<void> };
  await build();
  const given = process.env.TEST_DATABASE_URL;
  if (given) {
    project.provide('postgresUrl', given);
    return async () => {};
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'waygraph-test-postgres-'));
  const server = await startEmbeddedPostgres({ dataDir: directory, settings: SETTINGS });
  const places = [...new Set([directory, server.dataDir])];
  // Signals pass the teardown by. The server is told to stop by then, and may still write a last file while we remove the others.
  const removeAll = () => {
    for (const place of places) rmSync(place, { recursive: true, force: true, maxRetries: 10 });
  };
  // vitest listens for one signal only; the second one, as a terminal and npm may both send theirs, would end us before the above.
  const leave = (signal: NodeJS.Signals) => process.exit(128 + constants.signals[signal]);
  process.once('exit', removeAll);
  for (const signal of SIGNALS) process.on(signal, leave);
  project.provide('postgresUrl', server.url());
  return async () => {
    await server.stop();
    process.off('exit', removeAll);
    for (const signal of SIGNALS) process.off(signal, leave);
    await Promise.all(places.map((place) => rm(place, { recursive: true, force: true })));
  };
}
