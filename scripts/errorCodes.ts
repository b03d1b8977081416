import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { PLATFORM_CODES } from '../platform/errors.js';
import { packageRoot } from '../platform/packageRoot.js';

/** Apollo's own, as clients know them. */
const PROTOCOL_CODES = [
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
];

/** Every code that a refusal in the sources carries: the catalogue of the SDK cannot miss one (GW-40). */
export async function collectErrorCodes(): Promise<string[]> {
  const codes = new Set<string>([...PLATFORM_CODES, ...PROTOCOL_CODES]);
  for (const folder of ['platform', 'gateway', 'subgraphs']) {
    const files = await readdir(path.join(packageRoot, folder), { recursive: true });
    for (const file of files.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))) {
      const text = await readFile(path.join(packageRoot, folder, file), 'utf8');
      for (const match of text.matchAll(/(?:new Refusal\(|\bcode: )\s*'([A-Z][A-Z0-9_]+)'/g)) if (match[1]) codes.add(match[1]);
    }
  }
  return [...codes].sort();
}

// With --check it only tells whether the committed list is what the sources say.
const place = path.join(packageRoot, 'sdk/generated/errorCodes.ts');
const codes = await collectErrorCodes();
const text = `/** Every \`extensions.code\` that the graph answers with. */\nexport const ERROR_CODES = [\n${codes.map((code) => `  '${code}',\n`).join('')}] as const;\n\nexport type ErrorCode = (typeof ERROR_CODES)[number];\n`;
const present = await readFile(place, 'utf8').catch(() => null);
if (present !== text && process.argv.includes('--check')) {
  console.error('sdk/generated/errorCodes.ts is stale. Run `npm run codegen` and commit the result.');
  process.exit(1);
}
if (present !== text) await writeFile(place, text);
