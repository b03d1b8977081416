/** Prepares what is missing, then becomes a built module: `node scripts/launch.mjs scripts/split.js [arguments]`. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installDependencies, requireNode, root, runScript } from './prepare.mjs';

/** Builds when needed, and runs a module of dist/ in this process, so that there is one process to signal. */
export async function launch(module, args = []) {
  requireNode();
  process.chdir(root);
  await installDependencies();
  await build();
  // What is set already wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  // Apollo's gateway reports to its maker otherwise.
  process.env.APOLLO_TELEMETRY_DISABLED ??= 'true';
  const main = path.join(root, 'dist', module);
  process.argv.splice(1, process.argv.length, main, ...args);
  await import(pathToFileURL(main).href);
}

const [, self, module, ...args] = process.argv;
if (self === path.join(root, 'scripts', 'launch.mjs') && module) await runScript(() => launch(module, args));
