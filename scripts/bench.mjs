/** `npm run bench [file]`: builds, then runs a benchmark of bench/ against the built system. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, ended, installDependencies, requireNode, root, runScript } from './prepare.mjs';

await runScript(async () => {
  requireNode();
  await installDependencies();
  await build();
  const file = path.join('bench', `${process.argv[2] ?? 'first'}.ts`);
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', file], { cwd: root, stdio: 'inherit' });
  const { code } = await ended(child);
  process.exitCode = code ?? 1;
});
