import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { packageRoot } from '../../platform/packageRoot.js';
import { readSavedOperations } from './playground.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'waygraph-operations-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const reading = async (header: string) => {
  await writeFile(path.join(folder, 'ride-7-look.graphql'), `${header}\nquery Look {\n  me { id }\n}\n`);
  return () => readSavedOperations(folder);
};

test('GW-50: a saved operation has a name, a number, and somebody whom one can be', async () => {
  expect((await reading('# Ride 7 look (as driver)'))()).toMatchObject([{ name: 'Ride 7 look', as: 'driver', variables: '' }]);
  expect((await reading('# Ride 7 look (as anybody)\n# variables: {"a": 1}'))()).toMatchObject([{ as: 'anybody', variables: '{\n  "a": 1\n}' }]);
  expect(await reading('# Ride 7 look (as rider)')).toThrow(
    'ride-7-look.graphql is for "rider", whom nobody can be. Choose one of: customer, customer2, driver',
  );
  for (const wrong of ['# Ride 7 look', '# Ride look (as driver)', '# look (as driver)', '# by somebody\n# Ride 7 look (as driver)', '']) {
    expect(await reading(wrong), wrong).toThrow('ride-7-look.graphql has to begin with');
  }
});

test('GW-50: no two saved operations have one number or one GraphQL name; numbers of a group have no gap and are those of the files', async () => {
  const operations = readSavedOperations();
  const keys = operations.map(({ name }) => name.split(' ').slice(0, 2).join('-').toLowerCase());
  const twice = (words: readonly (string | undefined)[]) => words.filter((word, index) => words.indexOf(word) !== index);
  expect(twice(keys)).toEqual([]);
  expect(twice(operations.map(({ query }) => /^(?:query|mutation|subscription) (\w+)/m.exec(query)?.[1]))).toEqual([]);
  for (const group of new Set(keys.map((key) => key.split('-')[0]))) {
    const numbers = keys.filter((key) => key.startsWith(`${group}-`)).map((key) => Number(key.split('-')[1]));
    expect({ group, numbers: numbers.sort((a, b) => a - b) }).toEqual({ group, numbers: numbers.map((_, index) => index + 1) });
  }
  const files = await readdir(path.join(packageRoot, 'schema/operations'));
  expect(files.map((file) => /^[a-z]+-\d+/.exec(file)?.[0]).sort()).toEqual([...keys].sort());
});
