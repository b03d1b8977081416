import { expect, test } from 'vitest';
import { ConfigError } from '../platform/config.js';
import { readGatewayConfig } from './config.js';

const env = { INTERNAL_SECRET: 'x'.repeat(32) };

test('reads remote subgraphs and service keys', () => {
  const config = readGatewayConfig({ ...env, PAYMENTS_LEDGER_URL: 'http://ledger:4004', SERVICE_KEYS: `a:${'0'.repeat(64)}:x+y, b:${'f'.repeat(64)}:` });
  expect(config.remoteUrls).toEqual({ 'payments-ledger': 'http://ledger:4004' });
  expect(config.serviceKeys).toEqual([
    { name: 'a', sha256: '0'.repeat(64), scopes: ['x', 'y'] },
    { name: 'b', sha256: 'f'.repeat(64), scopes: [] },
  ]);
});

test('refuses what cannot work, by name', () => {
  const outcome = (more: NodeJS.ProcessEnv) => {
    try {
      return readGatewayConfig({ ...env, ...more });
    } catch (error) {
      return error;
    }
  };
  for (const [name, more] of [
    ['RATE_LIMITS', { RATE_LIMITS: 'off', NODE_ENV: 'production' }],
    ['SERVICE_KEYS', { SERVICE_KEYS: 'a:secret:x' }],
    ['INTERNAL_SECRET', { INTERNAL_SECRET: 'short' }],
    ['FLEET_URL', { FLEET_URL: 'fleet:4001' }],
  ] as [string, NodeJS.ProcessEnv][]) {
    expect(outcome(more)).toBeInstanceOf(ConfigError);
    expect((outcome(more) as Error).message).toContain(name);
  }
});
