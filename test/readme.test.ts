import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packageRoot } from '../platform/packageRoot.js';
import { startGraph, type TestGraph } from './graphHarness.js';
import { eventually } from './subgraphHarness.js';

let graph: TestGraph;
let readme: string;
beforeAll(async () => {
  graph = await startGraph('one');
  readme = await readFile(path.join(packageRoot, 'README.md'), 'utf8');
});
afterAll(() => graph[Symbol.asyncDispose]());

/** The command that stands in the README under this mark, sent to the graph of this test. */
function command(mark: string): string {
  const found = new RegExp(`<!-- ci:${mark} -->\\s*\`\`\`sh\\n([\\s\\S]+?)\`\`\``).exec(readme)?.[1];
  if (!found) throw new Error(`the README has no command ${mark}`);
  return found.replaceAll('localhost:4000', new URL(graph.url).host);
}

function run(script: string): { said: () => string; ended: Promise<number | null>; stop: () => void } {
  const child = spawn('bash', ['-c', `exec ${script.trim()}`], { cwd: packageRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return { said: () => said, ended: new Promise((resolve) => child.once('close', resolve)), stop: () => child.kill() };
}

test('the first query of the README answers from two subgraphs', async () => {
  const { ended, said } = run(command('query'));
  expect(await ended).toBe(0);
  expect(said()).toContain('"model":"Corolla"');
  expect(said()).toContain('"free":true');
});

test('the first mutation of the README signs in', async () => {
  const { ended, said } = run(command('mutation'));
  expect(await ended).toBe(0);
  expect(said()).toContain('"accessToken":"ey');
});

test('the first subscription of the README sees the wallet change', async () => {
  const { ended, said, stop } = run(command('subscription'));
  await eventually(() => said().includes('watching'), 'the watcher');
  const customer = await graph.as('customer');
  await eventually(async () => {
    const { initiateDeposit } = await customer.InitiateDeposit({ input: { amount: { amount: '5.00', currency: 'EGP' }, idempotencyKey: randomUUID() } });
    await fetch(initiateDeposit.paymentUrl, { method: 'POST', body: new URLSearchParams({ outcome: 'pay' }) });
    return said().includes('walletUpdated');
  }, 'an event');
  stop();
  await ended;
});

test('the README names the commands that exist, and the license that has to be named', async () => {
  const { scripts } = JSON.parse(await readFile(path.join(packageRoot, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  const named = [...readme.matchAll(/npm run ([a-z:-]+)/g)].map((found) => found[1] ?? '');
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
  expect(readme).toContain('Elastic License 2.0');
});
