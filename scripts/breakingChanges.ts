import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buildSchema, findBreakingChanges } from 'graphql';
import { packageRoot } from '../platform/packageRoot.js';

// Refuses what would break clients (GW-02): schema/released.graphql is what they were promised. A change that is meant is named, with its reason, in
// schema/allowed-breaking-changes.json; `npm run release-schema` makes the present schema the promised one and empties the list.
const released = path.join(packageRoot, 'schema/released.graphql');
const allowedFile = path.join(packageRoot, 'schema/allowed-breaking-changes.json');
const present = await readFile(path.join(packageRoot, 'schema/api.graphql'), 'utf8');

if (process.argv.includes('--release')) {
  await writeFile(released, present);
  await writeFile(allowedFile, '{}\n');
  console.log('schema/released.graphql is now the present schema');
} else {
  const allowed = JSON.parse(await readFile(allowedFile, 'utf8')) as Record<string, string>;
  const changes = findBreakingChanges(buildSchema(await readFile(released, 'utf8')), buildSchema(present)).map((change) => change.description);
  const refused = changes.filter((change) => !allowed[change]);
  const unused = Object.keys(allowed).filter((change) => !changes.includes(change));
  if (refused.length > 0)
    console.error(
      `These changes break clients:\n  ${refused.join('\n  ')}\nKeep the old form beside the new one, or allow it in schema/allowed-breaking-changes.json.`,
    );
  if (unused.length > 0) console.error(`Allowed, but not there any more:\n  ${unused.join('\n  ')}`);
  if (refused.length + unused.length > 0) process.exit(1);
  console.log('nothing breaks clients');
}
