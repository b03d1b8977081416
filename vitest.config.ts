import { createRequire } from 'node:module';
import { defineConfig } from 'vitest/config';

const require = createRequire(import.meta.url);

export default defineConfig({
  // Without the alias vite loads graphql's .mjs and Apollo its .js: two realms, and every instanceof check fails.
  resolve: { alias: [{ find: /^graphql$/, replacement: require.resolve('graphql/index.js') }] },
  // type-graphql reads design:type metadata, which only legacy decorators emit.
  oxc: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  test: {
    include: ['{platform,gateway,subgraphs,sdk,test,scripts}/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
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
