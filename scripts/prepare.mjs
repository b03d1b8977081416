/**
 * What has to be there before anything of ours can run. Only Node's own modules: this is the first thing that a bare clone runs. Every step is
 * skipped when it is done already, and then costs milliseconds.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));

const LEAST_NODE = [20, 19];
const LOCK = path.join(root, 'package-lock.json');
const MODULES = path.join(root, 'node_modules');
const PATCHES = path.join(root, 'patches');
/** Holds the hash of the package-lock.json and the patches that node_modules was made from. */
const INSTALL_STAMP = path.join(MODULES, '.waygraph-lock');
/** npm's own record of what it installed; present only when it got to the end. */
const INSTALLED = path.join(MODULES, '.package-lock.json');
const DIST = path.join(root, 'dist');
const BUILD_STAMP = path.join(DIST, '.waygraph-sources');
/** As in tsconfig.build.json, and what else changes the build's result. */
const SOURCES = ['platform', 'gateway', 'subgraphs', 'sdk', 'scripts', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'];

/** Something that the reader has to put right; its message is all that they need. */
export class Unprepared extends Error {}

/** @throws Unprepared below the version that the dependencies need */
export function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > LEAST_NODE[0] || (major === LEAST_NODE[0] && minor >= LEAST_NODE[1])) return;
  throw new Unprepared(`Waygraph needs Node ${LEAST_NODE.join('.')} or newer; this is ${process.versions.node}. See https://nodejs.org/`);
}

/** Installs what package-lock.json names, development tools included, because the build is one; npm then applies patches/. @throws Unprepared with npm's output */
export async function installDependencies() {
  const sources = [
    LOCK,
    ...readdirSync(PATCHES)
      .sort()
      .map((name) => path.join(PATCHES, name)),
  ];
  const hash = createHash('sha256');
  for (const source of sources) hash.update(readFileSync(source));
  const wanted = hash.digest('hex');
  const isStamped = existsSync(INSTALL_STAMP) && readFileSync(INSTALL_STAMP, 'utf8') === wanted;
  if (isStamped && existsSync(INSTALLED)) return;
  // Somebody ran npm themselves, after the last change.
  if (existsSync(INSTALLED) && sources.every((source) => statSync(INSTALLED).mtimeMs > statSync(source).mtimeMs)) return;
  // npm empties what it installs into: through a link that would be the node_modules of another checkout.
  if (lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink()) {
    throw new Unprepared(
      `node_modules is a link, and what it leads to does not fit package-lock.json. Run "npm ci" in ${path.dirname(realpathSync(MODULES))}, or remove the link.`,
    );
  }
  const [command, ...first] = npm();
  await step('Installing dependencies', command, [...first, 'ci', '--no-audit', '--no-fund', '--include=dev']);
  writeFileSync(INSTALL_STAMP, wanted);
}

/** Installs a package of its own inside the house, which the product's dependencies do not include: the other gateways of a benchmark. @throws Unprepared */
export async function installApart(place) {
  const folder = path.join(root, place);
  if (!existsSync(path.join(folder, 'package.json')) || existsSync(path.join(folder, 'node_modules', '.package-lock.json'))) return;
  const [command, ...first] = npm();
  await step(`Installing ${place}`, command, [...first, 'ci', '--no-audit', '--no-fund', '--prefix', folder]);
}

/** Compiles into dist/ when a source was added, changed or removed since the last time. @throws Unprepared with the compiler's output */
export async function build() {
  const wanted = fingerprint();
  if (existsSync(BUILD_STAMP) && readFileSync(BUILD_STAMP, 'utf8') === wanted) return;
  await step('Building', process.execPath, [path.join(MODULES, 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  writeFileSync(BUILD_STAMP, wanted);
}

/** The npm that started us, which need not be the one on the PATH. */
function npm() {
  const cli = process.env.npm_execpath;
  if (cli?.endsWith('npm-cli.js')) return [process.execPath, cli];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** Names, sizes and times instead of contents: reading them takes a few milliseconds, and a false alarm costs one build. */
function fingerprint() {
  const hash = createHash('sha256').update(process.versions.node);
  const visit = (place) => {
    const found = statSync(path.join(root, place), { throwIfNoEntry: false });
    if (found?.isDirectory()) for (const name of readdirSync(path.join(root, place)).sort()) visit(path.join(place, name));
    else if (found && !place.endsWith('.test.ts')) hash.update(`${place}\0${found.size}\0${found.mtimeMs}\n`);
  };
  for (const place of SOURCES) visit(place);
  return hash.digest('hex');
}

/** Runs one command silently, and writes one line about it. Its output is shown when it fails. */
async function step(title, command, args) {
  process.stdout.write(`${title} … `);
  const startedAt = performance.now();
  const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], shell: command.endsWith('.cmd') });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const { code, signal } = await ended(child);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? 'done' : 'failed'} after ${seconds} s\n`);
  if (code !== 0) throw new Unprepared(`${output.trim()}\n\n${title} failed: "${[path.basename(command), ...args].join(' ')}" ended with ${signal ?? code}.`);
}

/**
 * Waits for a child of ours. Ctrl-C reaches it from the terminal, so SIGINT is not passed on: a second one means "now" to many programs. The
 * others are, or `kill` would leave the child running. When a signal came, we end by it too.
 */
export function ended(child) {
  return new Promise((resolve, reject) => {
    let stoppedBy = null;
    const onSignal = (signal) => {
      stoppedBy = signal;
      if (signal !== 'SIGINT') child.kill(signal);
    };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, onSignal);
    const settle = () => {
      for (const signal of signals) process.off(signal, onSignal);
    };
    child.once('error', (error) => {
      settle();
      reject(new Unprepared(`${child.spawnfile} could not be started: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      settle();
      if (stoppedBy) process.kill(process.pid, stoppedBy);
      else resolve({ code, signal });
    });
  });
}

/** Runs a script to its end; for what the reader has to put right it says so without a stack. */
export async function runScript(main) {
  if (process.env.npm_lifecycle_event) leaveWithParent();
  try {
    await main();
  } catch (error) {
    const isPlain = error instanceof Unprepared || error?.name === 'ConfigError';
    console.error(isPlain ? `\n${error.message}` : error);
    process.exit(1);
  }
}

/** Between npm and us stands a shell that ends at SIGTERM without passing it on; then nobody would be left to stop us. */
function leaveWithParent() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, 'SIGTERM');
  }, 500);
  watch.unref();
}
