import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { appUrl } from '../../platform/migrate.js';
import { connectDatabase } from '../../platform/postgres.js';
import { diskStorage } from '../../platform/storage.js';
import { eventually, startTestSubgraph, TEST_SECRET } from '../../test/subgraphHarness.js';
import { localSignerServer } from './adapters/localSignerServer.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

/** Where the process dies: before anything is made, with the document stored but nobody asked, and with the signer's answer lost. */
const STEPS = ['asking who rents', 'before the signer has it', 'with the answer of the signer lost'] as const;

test.each(STEPS)('BK-11: killed %s, the agreement is sent all the same, and there is one document of it', { timeout: 150_000 }, async (step) => {
  const dir = await mkdtemp(path.join(tmpdir(), 'waygraph-agreements-'));
  let origin = '';
  const config = () => ({ storageDir: dir, publicOrigin: null, signer: 'local' as const });
  await using booking = await startTestSubgraph('booking', (environment) => startBooking({ ...environment, graphUrl: () => `${origin}/graphql` }, config()));
  const { environment } = booking;
  const db = connectDatabase({
    url: appUrl(environment.databaseUrl, 'booking', TEST_SECRET),
    log: environment.log,
    clock: () => new Date(),
    applicationName: 'signer',
  });
  const storage = diskStorage({ dir, subgraph: 'signer', secret: TEST_SECRET, origin: () => origin, clock: () => new Date() });
  const signer = localSignerServer({ db, storage, secret: TEST_SECRET, pageOrigin: () => origin, webhookUrl: () => `${origin}/nowhere` });
  let silent: (typeof STEPS)[number] | null = step;
  let reached = false;
  /** The rest of the graph and the signer; says nothing at the step where the process is to die. */
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (request.url === '/graphql') {
      if (silent === 'asking who rents') return void (reached = true);
      const station = { name: 'Cairo', address: 'Cairo' };
      const vehicle = { plate: 'CAI 1', category: 'COMFORT', fuelType: 'PETROL', transmission: 'MANUAL', seats: 5 };
      const customer = { name: 'Mona', email: null, phone: null };
      return void response.end(JSON.stringify({ data: { booking: { customer, vehicle, station, returnStation: station } } }));
    }
    if (silent === 'before the signer has it') return void (reached = true);
    if (silent === 'with the answer of the signer lost') {
      // The signer takes it, and its answer comes nowhere.
      const unheard = { writeHead: () => unheard, end: () => void (reached = true) };
      return void (await signer.routes[1]?.handle(Object.assign(request, { rawBody: Buffer.concat(chunks) }), unheard as never));
    }
    await signer.routes[1]?.handle(Object.assign(request, { rawBody: Buffer.concat(chunks) }), response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const say = given(booking);
  const made = await say.held(say.customer(), (await say.vehicle()).id, say.hoursAhead(48));
  // Only the process that is killed may do it: what payments says of the booking waits in the queue for it.
  await booking.subgraph.stop();
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      DATABASE_URL: environment.databaseUrl,
      REDIS_URL: environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
      GRAPH_URL: `${origin}/graphql`,
      STORAGE_DIR: dir,
      REQUEST: '',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  try {
    const connected = async () =>
      (await booking.owner`select 1 from pg_stat_activity where datname = current_database() and application_name = 'waygraph-booking'`).length > 0;
    await eventually(connected, 'the process to be up', 60_000);
    await booking.deliver('payments-ledger', 'payment.authorised', made.uuid, {
      ...{ paymentId: made.uuid, subjectType: 'BOOKING', subjectId: made.uuid, amountMinor: '99999999', currency: 'EGP' },
    });
    await eventually(() => reached, 'the process to come to where it dies', 60_000);
  } finally {
    child.kill('SIGKILL');
    await gone;
  }
  silent = null;
  const [before] = await booking.owner`select status, sha256 from agreements where booking_id = ${made.uuid}`;
  expect(before?.status).toBe('PREPARING');
  expect(before?.sha256 === null).toBe(step === 'asking who rents');
  // As if the lease were over.
  await booking.owner`update timers set due_at = now() where kind = 'agreement'`;
  const next = await startBooking({ ...environment, graphUrl: () => `${origin}/graphql` }, config());
  const agreement = await eventually(async () => {
    const [row] = await booking.owner`select id, status, sha256 from agreements where booking_id = ${made.uuid}`;
    return row?.status === 'SENT' ? row : null;
  }, 'the agreement to be sent').finally(() => next.stop());
  const file = await readFile(path.join(dir, 'booking', 'agreements', `${agreement.id}.pdf`));
  expect(createHash('sha256').update(file).digest('hex')).toBe(agreement.sha256);
  if (before?.sha256) expect(agreement.sha256).toBe(before.sha256);
  const envelopes = await booking.owner`select key, document_sha256 from local_envelopes`;
  expect(envelopes.map(({ key, document_sha256 }) => [key, document_sha256])).toEqual([[agreement.id, agreement.sha256]]);
  expect((await booking.owner`select 1 from timers where kind = 'agreement'`).length).toBe(0);
  await db.close();
  await new Promise((resolve) => server.close(resolve).closeAllConnections());
  await rm(dir, { recursive: true, force: true });
});
