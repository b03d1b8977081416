/**
 * The process of the in-memory Redis: a child of its own, so that its work does not stop ours. Sends `{ port }` when it listens, and ends with
 * its parent, however that one ends. Its one argument is the port, 0 for any.
 */
import type { AddressInfo } from 'node:net';
import { createRedisCommandExecutor, RedisServerState, Resp2Server, resolveCompatibilityProfile } from 'js-redis-server/core';

process.on('disconnect', () => process.exit());

const compatibility = resolveCompatibilityProfile('redis-7.2');
const state = new RedisServerState({ databaseCount: 16, compatibility });
// Built from its parts because the package's own start listens on all interfaces, without a password.
const { server } = new Resp2Server({ server: state, executor: createRedisCommandExecutor({ compatibility }), logger: console });
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
server.once('error', (error) => {
  if (!server.listening) throw error;
});
