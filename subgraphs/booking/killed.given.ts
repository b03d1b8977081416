import { createLog } from '../../platform/log.js';
import { startBooking } from './main.js';

/** Booking as a process of its own, to be killed by a test: everything comes in by the environment, also what an admin, or who `ACTOR` is, asks of it. */
const given = (name: string) => process.env[name] ?? '';

const booking = await startBooking({
  databaseUrl: given('DATABASE_URL'),
  redisUrl: given('REDIS_URL'),
  internalSecret: given('INTERNAL_SECRET'),
  redeliverAfterMs: 1_000,
  log: createLog({ service: 'killed', level: 'fatal' }),
  clock: () => new Date(),
  graphUrl: () => given('GRAPH_URL') || 'http://127.0.0.1:1/graphql',
});
const request = given('REQUEST');
if (request) {
  const admin = { kind: 'USER', id: '01900000-0000-7000-8000-000000000005', roles: ['ADMIN'], sessionId: null } as const;
  const actor = given('ACTOR') ? JSON.parse(given('ACTOR')) : admin;
  await booking.execute(JSON.parse(request), { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });
}
