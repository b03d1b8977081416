import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';
import type { Reporter } from 'vitest/node';

const require = createRequire(import.meta.url);

/** What failed is told when it fails: the whole takes long, and who ends it early would never hear why. */
const failuresAtOnce: Reporter = {
  onTestCaseResult(test) {
    for (const { message, stack } of test.result().errors ?? []) console.error(`${test.fullName}\n${message}\n${stack ?? ''}`);
  },
};

export default defineConfig({
  // Without the alias vite loads graphql's .mjs and Apollo its .js: two realms, and every instanceof check fails.
  resolve: { alias: [{ find: /^graphql$/, replacement: require.resolve('graphql/index.js') }] },
  // type-graphql reads design:type metadata, which only legacy decorators emit.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['{platform,gateway,subgraphs,sdk,test,scripts}/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
    reporters: ['default', failuresAtOnce],
    // For what never ends: a test that takes long on a busy machine is no failure.
    testTimeout: 90_000,
    hookTimeout: 120_000,
    pool: 'forks',
    maxWorkers: 2,
    // The files of a worker share what they import: to load it anew for each of two hundred took as long as a third of the tests. No file changes it.
    isolate: false,
    env: { APOLLO_TELEMETRY_DISABLED: 'true' },
  },
});
