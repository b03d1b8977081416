import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openQueue } from '../../platform/queue.js';
import { eventQueueName } from '../../platform/relay.js';
import type { Subgraph } from '../../platform/subgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET } from '../../test/subgraphHarness.js';
import { readInboxConfig } from './config.js';
import { bookingConfirmed, startFakeProvider } from './inbox.given.js';
import { startInbox } from './main.js';

/** In place of an inbox in this process: only its database and its queue are wanted. */
const idle = { name: 'inbox', routes: [], stop: async () => {} } as Partial<Subgraph> as Subgraph;

/** Where the process dies: after its claim and before its call, or after the provider took the mail and before that was recorded. */
test.each(['address', 'provider'] as const)('IN-06: killed at the %s, the inbox loses no mail and sends none twice', async (stopAt) => {
  await using provider = await startFakeProvider();
  await using t = await startTestSubgraph('inbox', async () => idle);
  const env = { MAIL_PROVIDER: 'resend', RESEND_API_KEY: 're_test', RESEND_API_URL: provider.url, MAIL_FIRST_RETRY_MS: '50' };
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', fileURLToPath(new URL('killed.given.ts', import.meta.url))], {
    env: {
      ...process.env,
      ...env,
      NODE_OPTIONS: '',
      STOP_AT: stopAt,
      DATABASE_URL: t.environment.databaseUrl,
      REDIS_URL: t.environment.redisUrl,
      INTERNAL_SECRET: TEST_SECRET,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const userId = randomUUID();
  const event = bookingConfirmed(randomUUID(), userId);
  const queue = openQueue<typeof event>(eventQueueName('inbox'), t.environment.redisUrl, t.environment.log);
  try {
    await queue.send(event.type, event);
    let taken = false;
    // The provider takes the mail and then says nothing, until the process is gone.
    provider.behave = () => {
      if (!taken && stopAt === 'provider') {
        taken = true;
        return 'take and hang';
      }
      return 'work';
    };
    const delivery = async () => (await t.owner`select status, attempts from mail_deliveries where to_user_id = ${userId}`)[0];
    await eventually(async () => (stopAt === 'provider' ? provider.sent.length === 1 : (await delivery())?.attempts === 1), 'the claim', 45_000);
    child.kill('SIGKILL');
    await gone;
    expect(await delivery()).toEqual({ status: 'PENDING', attempts: 1 });
    // A minute later the lease has ended, and another process finds the mail.
    const clock = () => new Date(Date.now() + 61_000);
    const config = { ...readInboxConfig(env), ports: { addressOf: async () => ({ address: `${userId}@example.test`, name: null }) } };
    const next = await startInbox({ ...t.environment, clock }, config);
    try {
      await eventually(async () => (await delivery())?.status === 'SENT');
    } finally {
      await next.stop();
    }
    expect(provider.sent.length).toBe(1);
    expect(provider.calls).toBe(stopAt === 'provider' ? 2 : 1);
  } finally {
    child.kill('SIGKILL');
    await queue.close();
  }
});
