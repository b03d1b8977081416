import type { Statistics } from './statistics.js';

const EVERY_MS = 1_000;
/** Where the output is no terminal, a line this often. */
const LINE_EVERY_MS = 15_000;
const WIDTH = 30;

/** Shows a simulation while it runs: a few lines that renew themselves, or a line now and then where the output is a file. */
export function openView(title: string, statistics: Statistics, totalMs: number, stream: NodeJS.WriteStream = process.stdout): { stop(): void } {
  let drawn = 0;
  const draw = () => {
    const lines = linesOf(title, statistics, totalMs);
    stream.write(`${drawn > 0 ? `\x1b[${drawn}A` : ''}${lines.map((line) => `\x1b[2K${line}\n`).join('')}`);
    drawn = lines.length;
  };
  const say = () => stream.write(`${linesOf(title, statistics, totalMs).slice(1, 3).join('  ')}\n`);
  const timer = stream.isTTY ? setInterval(draw, EVERY_MS) : setInterval(say, LINE_EVERY_MS);
  return {
    stop: () => {
      clearInterval(timer);
      if (stream.isTTY) draw();
    },
  };
}

function linesOf(title: string, statistics: Statistics, totalMs: number): string[] {
  const share = Math.min(1, (Date.now() - statistics.startedAt) / totalMs);
  const done = Math.round(share * WIDTH);
  const inS = (what: string, of: number) => `${((statistics.quantile(what, of) ?? 0) / 1000).toFixed(1)} s`;
  const inMs = (what: string) => `${Math.round(statistics.quantile(what, 0.99) ?? 0)} ms`;
  const { requested, matched, cancelled, noDrivers, completed } = statistics;
  return [
    title,
    `${'█'.repeat(done)}${'░'.repeat(WIDTH - done)} ${Math.round(share * 100)} %`,
    `requests ${requested}  matched ${matched}  cancelled ${cancelled}  nobody ${noDrivers}  completed ${completed}  on the way ${requested - cancelled - noDrivers - completed}`,
    `wait for a driver p50 ${inS('wait', 0.5)}  p90 ${inS('wait', 0.9)}   pickup mean ${((statistics.mean('pickup') ?? 0) / 1000).toFixed(0)} s`,
    `p99: quote ${inMs('quote')}  request ${inMs('request')}  first offer ${inMs('first offer')}  accept ${inMs('accept')}  positions ${inMs('positions')}`,
  ];
}
