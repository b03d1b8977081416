/** `npm start`: prepares what is missing, then becomes the gateway, so that there is one process to signal. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, installDependencies, requireNode, root, runScript } from './prepare.mjs';

await runScript(async () => {
  requireNode();
  process.chdir(root);
  await installDependencies();
  await build();
  // What is set already wins over the file.
  if (existsSync('.env')) process.loadEnvFile('.env');
  // Apollo's gateway reports to its maker otherwise.
  process.env.APOLLO_TELEMETRY_DISABLED ??= 'true';
  const main = path.join(root, 'dist', 'gateway', 'main.js');
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
});
