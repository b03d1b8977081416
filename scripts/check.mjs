/** `npm run check`: types, lint and form, import rules, and that nothing generated is stale. Says what it did, and the output of what failed. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { installDependencies, requireNode, root, runScript } from './prepare.mjs';

const module = (file) => path.join(root, 'node_modules', file);
const source = (file, ...args) => ['--import', '@swc-node/register/esm-register', path.join('scripts', file), ...args];

const CHECKS = {
  types: [module('typescript/bin/tsc'), '--noEmit', '-p', 'tsconfig.json'],
  'lint and form': [module('@biomejs/biome/bin/biome'), 'check', '.'],
  'import rules': [
    module('dependency-cruiser/bin/dependency-cruise.mjs'),
    '--config',
    '.dependency-cruiser.cjs',
    'platform',
    'gateway',
    'subgraphs',
    'sdk',
    'scripts',
    'test',
    'bench',
  ],
  'composed schema': source('compose.ts', '--check'),
  'breaking changes': source('breakingChanges.ts'),
  'generated client': [module('@graphql-codegen/cli/cjs/bin.js'), '--config', 'codegen.ts', '--check'],
  'error codes': source('errorCodes.ts', '--check'),
  migrations: source('migrationDrift.ts'),
};

/** Two at a time: there are machines with two cores, and the compiler takes one of them. */
const AT_ONCE = 2;

function run(name, args) {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.once('close', (code) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) console.log(output.trim());
      resolve(code === 0);
    });
  });
}

await runScript(async () => {
  requireNode();
  await installDependencies();
  const waiting = Object.entries(CHECKS);
  const results = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) results.push(await run(...next));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  if (results.includes(false)) process.exitCode = 1;
});
