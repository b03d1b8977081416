/** `npm run bench [file] [-- arguments]`: builds, then runs a benchmark of bench/ against the built system. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, ended, installApart, installDependencies, requireNode, root, runScript } from './prepare.mjs';

await runScript(async () => {
  requireNode();
  await installDependencies();
  await build();
  const name = process.argv[2] ?? 'first';
  const file = path.join('bench', `${name}.ts`);
  // A benchmark that compares with others still measures us where those cannot be had.
  await installApart(path.join('bench', name)).catch((error) => console.error(error.message));
  const child = spawn(process.execPath, ['--import', '@swc-node/register/esm-register', file, ...process.argv.slice(3)], { cwd: root, stdio: 'inherit' });
  const { code } = await ended(child);
  process.exitCode = code ?? 1;
});
