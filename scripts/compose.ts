import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { packageRoot } from '../platform/packageRoot.js';
import { composeSchemas, tidySdl } from './composition.js';
import { SUBGRAPH_SCHEMAS } from './subgraphSchemas.js';

// `npm run compose` writes schema/; with --check it only tells whether what is committed is what the code says (GW-02).
const check = process.argv.includes('--check');
const files = new Map<string, string>();
const subgraphs: { name: string; url: string; sdl: string }[] = [];
for (const [name, { build, port }] of Object.entries(SUBGRAPH_SCHEMAS)) {
  const { sdl } = await build();
  subgraphs.push({ name, url: `http://127.0.0.1:${port}/graphql`, sdl });
  files.set(`${name}.graphql`, tidySdl(sdl));
}
const { supergraph, api } = composeSchemas(subgraphs);
files.set('supergraph.graphql', supergraph);
files.set('api.graphql', api);

const stale: string[] = [];
for (const [file, text] of files) {
  const place = path.join(packageRoot, 'schema', file);
  const present = await readFile(place, 'utf8').catch(() => null);
  if (present === text) continue;
  stale.push(file);
  if (!check) await writeFile(place, text);
}
if (check && stale.length > 0) {
  console.error(`schema/ is stale: ${stale.join(', ')}. Run \`npm run compose\` and commit the result.`);
  process.exit(1);
}
console.log(stale.length === 0 ? 'schema/ is up to date' : `schema/ written: ${stale.join(', ')}`);
