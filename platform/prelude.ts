/**
 * What every subgraph's database has before its own migrations: run by the owner at every migration, each statement harmless when repeated.
 * The functions are the vocabulary of the row-level policies, and the append of an event in one round trip.
 */
export const PRELUDE = /* sql */ `
create or replace function waygraph_actor_id() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('waygraph.actor_id', true), '')::uuid $$;

create or replace function waygraph_has_role(role text) returns boolean language sql stable parallel safe
  as $$ select role = any(string_to_array(current_setting('waygraph.actor_roles', true), ',')) $$;

-- Admins and our own jobs: may read and change what belongs to somebody else.
create or replace function waygraph_is_privileged() returns boolean language sql stable parallel safe
  as $$ select waygraph_has_role('SYSTEM') or waygraph_has_role('ADMIN') $$;
`;

/** After the migrations, once the platform's tables exist: what anybody's command may do with them, without reading them. */
export const PLATFORM_FUNCTIONS = /* sql */ `
-- Appends one event and its deliveries. The advisory lock orders writers of one aggregate until they commit; without it two of them would
-- take the same sequence, and one would fail for nothing. Events are found by their deliveries' state, never by "position above the last
-- one seen", so a transaction that commits late is not skipped (PF-02d). It runs as the tables' owner: an actor may append, and not see what others'
-- events said, so the sequences before are read in the actor's stead.
create or replace function waygraph_append_event(
  event_id uuid, aggregate_type_in text, aggregate_id_in uuid, type_in text, version_in int, payload_in jsonb, metadata_in jsonb,
  occurred_at_in timestamptz, consumers text[]) returns int language plpgsql security definer set search_path = public, pg_temp as $$
declare
  next_sequence int;
begin
  perform pg_advisory_xact_lock(hashtextextended(aggregate_id_in::text, 42));
  select coalesce(max(e.sequence), 0) + 1 into next_sequence from events e
    where e.aggregate_type = aggregate_type_in and e.aggregate_id = aggregate_id_in;
  insert into events (id, aggregate_type, aggregate_id, sequence, type, version, payload, metadata, occurred_at)
    values (event_id, aggregate_type_in, aggregate_id_in, next_sequence, type_in, version_in, payload_in, metadata_in, occurred_at_in);
  insert into deliveries (event_id, consumer, aggregate_id, sequence, previous_sequence, next_attempt_at)
    select event_id, c, aggregate_id_in, next_sequence,
      coalesce((select max(d.sequence) from deliveries d where d.consumer = c and d.aggregate_id = aggregate_id_in), 0), occurred_at_in
    from unnest(consumers) c;
  return next_sequence;
end $$;

-- Sets or moves a timer, and takes one back. As their owner, for the same reason: what people do is followed by timers that they may not see.
create or replace function waygraph_set_timer(
  id_in uuid, kind_in text, key_in text, payload_in jsonb, due_at_in timestamptz, metadata_in jsonb, never_later boolean
) returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into timers (id, kind, key, payload, due_at, metadata) values (id_in, kind_in, key_in, payload_in, due_at_in, metadata_in)
    on conflict (kind, key) do update set payload = excluded.payload, metadata = excluded.metadata, attempts = 0,
      due_at = case when never_later then least(timers.due_at, excluded.due_at) else excluded.due_at end;
end $$;

create or replace function waygraph_cancel_timer(kind_in text, key_in text) returns void
  language plpgsql security definer set search_path = public, pg_temp as $$
begin
  delete from timers where kind = kind_in and key = key_in;
end $$;
`;

/** Rights of the service's role: rows, but no tables; and of events only their publication mark (they are append-only). */
export const grantsFor = (role: string): string => /* sql */ `
grant usage on schema public to "${role}";
alter default privileges in schema public grant select, insert, update, delete on tables to "${role}";
alter default privileges in schema public grant usage, select on sequences to "${role}";
`;

/**
 * Row-level security of the platform's own tables (ID-08): an event tells of other people's money and journeys, so raw SQL as the service reads none
 * without being an admin or a job of ours. Anybody's command may append, and set timers, whose keys say who waits for what, and whose errors may say more.
 * Repeated at every migration; it takes a lock only where something is missing,
 * so that a process that starts does not wait for those that run.
 */
export const PLATFORM_POLICIES = /* sql */ `
do $$
declare
  wanted record;
begin
  for wanted in select * from (values
    ('events', 'events_read', 'for select using ((select waygraph_is_privileged()))'),
    ('events', 'events_append', 'for insert with check (true)'),
    ('events', 'events_publish', 'for update using ((select waygraph_is_privileged()))'),
    ('deliveries', 'deliveries_ours', 'using ((select waygraph_is_privileged()))'),
    ('timers', 'timers_ours', 'using ((select waygraph_is_privileged()))'),
    ('parked_events', 'parked_events_ours', 'using ((select waygraph_is_privileged()))'),
    ('idempotency_keys', 'idempotency_keys_own', $policy$using (actor = 'user:' || (select waygraph_actor_id()) or actor not like 'user:%'
      or (select waygraph_is_privileged()))$policy$)
  ) as w(on_table, named, rule) loop
    if not (select relrowsecurity from pg_class where oid = wanted.on_table::regclass) then
      execute format('alter table %I enable row level security', wanted.on_table);
    end if;
    if not exists (select 1 from pg_policies where schemaname = 'public' and tablename = wanted.on_table and policyname = wanted.named) then
      execute format('create policy %I on %I %s', wanted.named, wanted.on_table, wanted.rule);
    end if;
  end loop;
end $$;
`;

export const eventGrantsFor = (role: string): string => /* sql */ `
revoke update, delete, truncate on events from "${role}";
grant update (published_at) on events to "${role}";
`;
