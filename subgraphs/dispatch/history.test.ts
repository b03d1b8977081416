import { randomUUID } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { migrateSubgraph } from '../../platform/migrate.js';
import { packageRoot } from '../../platform/packageRoot.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph } from '../../test/subgraphHarness.js';
import { accepted, given, shifted } from './dispatch.given.js';
import { startDispatch } from './main.js';

let t: TestSubgraph;
let say: ReturnType<typeof given>;
beforeAll(async () => {
  t = await startTestSubgraph('dispatch', (environment) => startDispatch(environment));
  say = given(t);
});
afterAll(() => t[Symbol.asyncDispose]());

const DAY_MS = 24 * 3_600_000;
const monthOf = (at: Date) => `driver_location_history_${at.toISOString().slice(0, 7).replace('-', '_')}`;
const partitions = async () =>
  (
    await t.owner`select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'driver_location_history'::regclass order by 1`
  ).map((row) => String(row.name));
const pass = (days: number) => t.setClock(new Date(t.environment.clock().getTime() + days * DAY_MS));

test('DP-06: as time passes the job makes the months ahead and drops those that are over for 90 days; no younger point goes with them', async () => {
  const here = say.spot();
  const driver = await say.driver(here);
  const kept = async () =>
    (await t.owner`select recorded_at from driver_location_history where driver_id = ${driver.uuid} order by 1`).map((row) => row.recorded_at as Date);
  const first = t.environment.clock();
  const moments: Date[] = [first];
  for (let n = 1; n <= 8; n += 1) {
    pass(20);
    const now = t.environment.clock();
    const ahead = new Date(now.getTime() + 45 * DAY_MS);
    await eventually(async () => (await partitions()).includes(monthOf(ahead)), `the month of ${ahead.toISOString()} is there`);
    accepted(await say.move(driver, shifted(here, 10 * n)));
    moments.push(now);
  }
  const now = t.environment.clock();
  // A point waits for others for five seconds; then it is written.
  t.setClock(new Date(now.getTime() + 6_000));
  await eventually(async () => ((await kept()).at(-1)?.getTime() ?? 0) >= (moments.at(-1)?.getTime() ?? 0), 'the last point is written');
  await eventually(async () => !(await partitions()).includes(monthOf(first)), 'the first month is gone');
  const left = await kept();
  const mustStay = moments.filter((at) => at.getTime() > now.getTime() - 90 * DAY_MS);
  expect(left.filter((at) => at.getTime() > now.getTime() - 90 * DAY_MS)).toHaveLength(mustStay.length);
  expect(left.length).toBeLessThan(moments.length);
  await eventually(async () => {
    const [oldest] = await partitions();
    const endOfOldest = new Date(`${oldest?.slice(-7).replace('_', '-')}-01T00:00:00Z`);
    endOfOldest.setUTCMonth(endOfOldest.getUTCMonth() + 1);
    return endOfOldest.getTime() > now.getTime() - 90 * DAY_MS;
  }, 'whole months that are over are gone, too');
});

test('DP-06: while somebody reads a month for long, dropping it gives up, points go on, and it is dropped later; many at once do no harm', async () => {
  const old = new Date('2020-05-10T00:00:00Z');
  const whole = 'driver_location_history_2020_05';
  const prepared = () => t.asService`select location_history_prepare(${old}, ${old}) as made`;
  const retired = () => t.asService`select location_history_retire('2020-07-01T00:00:00Z') as dropped`;
  expect((await prepared())[0]?.made).toBe(1);
  expect((await prepared())[0]?.made).toBe(0);
  const reader = await t.owner.reserve();
  await reader`begin`;
  await reader`select count(*) from driver_location_history where recorded_at < '2020-06-01T00:00:00Z'`;
  await expect(retired()).rejects.toMatchObject({ code: '55P03' });
  expect(await partitions()).toContain(whole);
  await reader`rollback`;
  reader.release();
  const dropped = await Promise.all([retired(), retired(), retired()]);
  expect(dropped.map(([row]) => Number(row?.dropped)).sort()).toEqual([0, 0, 1]);
  expect(await partitions()).not.toContain(whole);
  // Half of a month is not enough to drop it, whatever its name says.
  await prepared();
  await t.owner`insert into driver_location_history (driver_id, recorded_at, received_at, lat, lng) values (${randomUUID()}, '2020-05-20T00:00:00Z', now(), 30, 31)`;
  expect((await t.asService`select location_history_retire('2020-05-15T00:00:00Z') as dropped`)[0]?.dropped).toBe(0);
  expect(await partitions()).toContain(whole);
});

test('DP-06, ID-08: the way to a point of a driver is an index of one month, and a month is nothing that one may read past the policy', async () => {
  const driver = await say.driver(say.spot());
  await eventually(async () => (await t.owner`select 1 from driver_location_history where driver_id = ${driver.uuid}`).length > 0);
  const now = t.environment.clock();
  const plan = await t.owner.begin(async (sql) => {
    await sql`set local enable_seqscan = off`;
    return sql.unsafe(`explain (costs off) select lat from driver_location_history where driver_id = '${driver.uuid}'
      and recorded_at between '${now.toISOString()}' and '${now.toISOString()}'`);
  });
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toContain('Index Scan');
  expect(
    text.match(/driver_location_history_\d{4}_\d\d/g)?.every((name) => name === monthOf(now)),
    'other months are not looked at',
  ).toBe(true);
  const past = await t.asService.begin(async (sql) => {
    await sql`select set_config('waygraph.actor_roles', 'SYSTEM', true)`;
    return sql`select 1 from ${sql(monthOf(now))}`;
  });
  expect(past).toHaveLength(0);
});

test('DP-06: rows of the table that was not cut by month are all there after the migration', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'waygraph-history-'));
  const url = new URL(inject('postgresUrl'));
  url.pathname = `/test_history_${randomUUID().slice(0, 8)}`;
  try {
    await cp(path.join(packageRoot, 'migrations/dispatch'), folder, { recursive: true });
    const place = path.join(folder, 'meta/_journal.json');
    const journal = JSON.parse(await readFile(place, 'utf8')) as { entries: { tag: string }[] };
    const cut = journal.entries.findIndex((entry) => entry.tag.endsWith('location_rules'));
    await writeFile(place, JSON.stringify({ ...journal, entries: journal.entries.slice(0, cut) }));
    await migrateSubgraph({ subgraph: 'dispatch', ownerUrl: url.href, internalSecret: TEST_SECRET, migrationsDir: folder });
    const sql = postgres(url.href, { max: 1, onnotice: () => {} });
    // Five years, with the ends of months, and a clock that was wrong.
    await sql`insert into driver_location_history (driver_id, recorded_at, received_at, lat, lng, heading)
      select gen_random_uuid(), '2022-01-01T00:00:00Z'::timestamptz + n * interval '37 hours', now(), 30 + n / 1e4, 31, n from generate_series(0, 1200) n
      union all select gen_random_uuid(), at, now(), 1, 2, null from unnest(array['1970-01-01T00:00:00Z', '2024-02-29T23:59:59.999999Z']::timestamptz[]) at`;
    const sum = () =>
      sql`select count(*)::int as n, sum(lat)::numeric(20, 6)::text as lat, sum(extract(epoch from recorded_at))::text as at from driver_location_history`;
    const [before] = await sum();
    await migrateSubgraph({ subgraph: 'dispatch', ownerUrl: url.href, internalSecret: TEST_SECRET });
    expect((await sum())[0]).toEqual(before);
    expect(before?.n).toBe(1_203);
    const [parts] = await sql`select count(*)::int as n from pg_inherits where inhparent = 'driver_location_history'::regclass`;
    expect(parts?.n).toBeGreaterThan(60);
    await sql.end();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
