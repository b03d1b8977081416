import { expect, test } from 'vitest';
import { systemActor } from '../platform/actor.js';
import { Refusal } from '../platform/errors.js';
import { createLog } from '../platform/log.js';
import { migrateSubgraph } from '../platform/migrate.js';
import { connectDatabase, type Database, inTransaction, type Tx } from '../platform/postgres.js';
import { setTimer } from '../platform/timers.js';
import { openTestDatabase } from './given/database.js';
import { type Wire, wireTo } from './given/wire.js';
import { eventually, TEST_SECRET } from './subgraphHarness.js';

// What the driver did until patches/postgres+3.4.9.patch; each test but those of a refused `begin` and of a pooler failed without it.

const cause = { traceId: '0'.repeat(32), causationId: 'test' };
const work = <T>(db: Database, todo: (tx: Tx) => Promise<T>) => inTransaction(systemActor('test'), db, cause, todo);
const keep = (tx: Tx, key: string) => setTimer(tx, { kind: 'kept', key, dueAt: new Date(tx.now.getTime() + 1e9) });
const codeOf = (error: unknown) => (error instanceof Refusal ? error.code : String(error));

function held(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** A database behind a wire, with one connection only: whoever comes next gets the connection that somebody else has lost. */
async function openBehindWire(passing?: (sent: Buffer) => Buffer) {
  const real = await openTestDatabase();
  const url = new URL(real.url);
  const wire: Wire = await wireTo(url.hostname, Number(url.port), passing);
  url.hostname = '127.0.0.1';
  url.port = String(wire.port);
  const log = createLog({ service: 'test', level: 'silent' });
  const db = connectDatabase({ url: url.href, log, clock: () => new Date(), applicationName: 'test', poolSize: 1 });
  return {
    wire,
    db,
    kept: async () => (await real.owner<{ key: string }[]>`select key from timers where kind = 'kept' order by key`).map(({ key }) => key),
    [Symbol.asyncDispose]: async () => {
      wire.mend();
      await db.close();
      wire.close();
      await real[Symbol.asyncDispose]();
    },
  };
}

test('PF-07: work that goes on after its connection broke cannot write: neither alone, nor into the transaction that has the connection by then', async () => {
  await using at = await openBehindWire();
  const [begun, goOn] = [held(), held()];
  const zombie: { late?: Promise<string> } = {};
  const broken = work(at.db, async (tx) => {
    await keep(tx, 'before');
    begun.resolve();
    await goOn.promise;
    zombie.late = keep(tx, 'late').then(() => 'written', codeOf);
    await zombie.late;
    throw new Error('rolls back');
  }).catch(codeOf);
  await begun.promise;
  at.wire.cut();
  expect(await broken).toBe('DEPENDENCY_UNAVAILABLE');
  at.wire.mend();
  const [half, end] = [held(), held()];
  const next = work(at.db, async (tx) => {
    await keep(tx, 'first half');
    half.resolve();
    await end.promise;
    await keep(tx, 'second half');
  });
  await half.promise;
  goOn.resolve();
  expect(await eventually(() => zombie.late)).not.toBe('written');
  end.resolve();
  await next;
  expect(await at.kept()).toEqual(['first half', 'second half']);
});

test('PF-07: a statement written after the connection is gone is refused; the process goes on', async () => {
  await using at = await openBehindWire();
  for (let n = 0; n < 3; n += 1) {
    const [begun, goOn] = [held(), held()];
    let late: Promise<string> | undefined;
    const broken = work(at.db, async (tx) => {
      await keep(tx, `lost ${n}`);
      begun.resolve();
      await goOn.promise;
      late = keep(tx, `late ${n}`).then(() => 'written', codeOf);
      await late;
    }).catch(codeOf);
    await begun.promise;
    at.wire.cut();
    expect(await broken).toBe('DEPENDENCY_UNAVAILABLE');
    goOn.resolve();
    expect(await eventually(() => late)).not.toBe('written');
    at.wire.mend();
    await work(at.db, (tx) => keep(tx, `after ${n}`));
  }
  expect(await at.kept()).toEqual(['after 0', 'after 1', 'after 2']);
});

test('PF-07: connections that break while statements are being written are as good as new afterwards', async () => {
  await using at = await openBehindWire();
  const written: string[] = [];
  const outcomes = new Set<string>();
  for (let n = 0; n < 60; n += 1) {
    const some = [0, 1, 2].map((i) =>
      work(at.db, (tx) => keep(tx, `${n}.${i}`)).then(
        () => void written.push(`${n}.${i}`),
        (error) => void outcomes.add(codeOf(error)),
      ),
    );
    // A different number of turns of the event loop each time, so that the cut finds every state that a connection can be in.
    for (let turn = 0; turn < n % 12; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    at.wire.cut();
    at.wire.mend();
    await Promise.all(some);
  }
  await work(at.db, (tx) => keep(tx, 'last'));
  expect([...outcomes]).toEqual(['DEPENDENCY_UNAVAILABLE']);
  expect(await at.kept(), 'whose answer was lost may have been written').toEqual(expect.arrayContaining([...written, 'last']));
});

test('PF-07: a proxy that takes connections and closes them is an outage: who asks is told, and nobody waits for ever', async () => {
  await using at = await openBehindWire();
  at.wire.cut();
  const asked = await Promise.all([0, 1, 2].map((n) => work(at.db, (tx) => keep(tx, `down ${n}`)).catch(codeOf)));
  expect(new Set(asked)).toEqual(new Set(['DEPENDENCY_UNAVAILABLE']));
  at.wire.mend();
  await eventually(() =>
    work(at.db, (tx) => keep(tx, 'up')).then(
      () => true,
      () => false,
    ),
  );
  expect(await at.kept()).toEqual(['up']);
});

test('a transaction begins with its first statements, not a round trip before them', async () => {
  const sent: string[] = [];
  await using at = await openBehindWire((bytes) => {
    sent.push(bytes.toString('latin1'));
    return bytes;
  });
  // Its statements are prepared by then: one that is not is described first.
  await work(at.db, (tx) => tx.prepared('select $1::text', ['first time']));
  sent.length = 0;
  await work(at.db, (tx) => tx.prepared('select $1::text', ['second time']));
  expect(sent).toHaveLength(2);
  expect(sent[0]).toContain('begin');
  expect(sent[0]).toContain('second time');
  expect(sent[1], 'its end').not.toContain('second time');
});

test('where `begin` is refused, the statements that went out with it write nothing', async () => {
  let refusals = 0;
  await using at = await openBehindWire((bytes) => {
    const text = bytes.toString('latin1');
    if (refusals === 0 || !text.includes('begin')) return bytes;
    refusals -= 1;
    return Buffer.from(text.replace('begin', 'begun'), 'latin1');
  });
  await work(at.db, (tx) => keep(tx, 'before'));
  refusals = 1;
  await expect(work(at.db, (tx) => keep(tx, 'without a transaction'))).rejects.toThrow('begun');
  expect(refusals).toBe(0);
  await work(at.db, (tx) => keep(tx, 'after'));
  expect(await at.kept()).toEqual(['after', 'before']);
});

test('PF-12b: a pooler that drops what connections start with is refused at the start, and named', async () => {
  await using real = await openTestDatabase();
  // As a pooler does that is told to ignore what it does not know. As long as before, because the message begins with its length.
  const setting = 'default_transaction_read_only\0true';
  const dropped = (sent: Buffer) => Buffer.from(sent.toString('latin1').replace(setting, 'application_name\0'.padEnd(setting.length, 'x')), 'latin1');
  const owner = new URL(real.ownerUrl);
  const pooler = await wireTo(owner.hostname, Number(owner.port), dropped);
  owner.host = `127.0.0.1:${pooler.port}`;
  try {
    const started = migrateSubgraph({ subgraph: 'fleet', ownerUrl: owner.href, internalSecret: TEST_SECRET });
    await expect(started).rejects.toThrow(`What answers at ${owner.host} does not hand on default_transaction_read_only,`);
  } finally {
    pooler.close();
  }
});
