import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packageRoot } from '../platform/packageRoot.js';
import { SUBGRAPH_NAMES } from './processes.js';

// Tells whether the tables say something that no migration does (PF-13): drizzle-kit is asked to generate beside a copy, and must find nothing to do.
const drifted: string[] = [];
for (const name of SUBGRAPH_NAMES) {
  const copy = mkdtempSync(path.join(tmpdir(), 'waygraph-drift-'));
  try {
    cpSync(path.join(packageRoot, 'migrations', name), copy, { recursive: true });
    const before = readdirSync(copy).length;
    const run = spawnSync(process.execPath, [path.join(packageRoot, 'node_modules/drizzle-kit/bin.cjs'), 'generate'], {
      cwd: packageRoot,
      env: { ...process.env, SUBGRAPH: name, MIGRATIONS_OUT: path.relative(packageRoot, copy) },
      encoding: 'utf8',
    });
    if (run.status !== 0) throw new Error(`drizzle-kit failed for ${name}:\n${run.stdout}${run.stderr}`);
    if (readdirSync(copy).length !== before) drifted.push(name);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
if (drifted.length > 0) {
  console.error(`The tables of ${drifted.join(', ')} have changed without a migration. Run \`SUBGRAPH=<name> npx drizzle-kit generate --name <intent>\`.`);
  process.exit(1);
}
console.log('migrations are up to date');
