/** `npm test`: installs what is missing, then hands over to vitest. Arguments go to vitest: `npm test -- platform`. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { ended, installDependencies, requireNode, root, runScript } from './prepare.mjs';

await runScript(async () => {
  requireNode();
  await installDependencies();
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const child = spawn(process.execPath, [vitest, 'run', ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
  const { code } = await ended(child);
  process.exitCode = code ?? 1;
});
