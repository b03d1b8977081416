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

/** After the migrations, once the platform's tables exist. */
export const APPEND_EVENT = /* sql */ `
-- Appends one event and its deliveries. The advisory lock orders writers of one aggregate until they commit; without it two of them would
-- take the same sequence, and one would fail for nothing. Events are found by their deliveries' state, never by "position above the last
-- one seen", so a transaction that commits late is not skipped (PF-02d).
create or replace function waygraph_append_event(
  event_id uuid, aggregate_type_in text, aggregate_id_in uuid, type_in text, version_in int, payload_in jsonb, metadata_in jsonb,
  occurred_at_in timestamptz, consumers text[]) returns int language plpgsql as $$
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
`;

/** Rights of the service's role: rows, but no tables; and of events only their publication mark (they are append-only). */
export const grantsFor = (role: string): string => /* sql */ `
grant usage on schema public to "${role}";
alter default privileges in schema public grant select, insert, update, delete on tables to "${role}";
alter default privileges in schema public grant usage, select on sequences to "${role}";
`;

export const eventGrantsFor = (role: string): string => /* sql */ `
revoke update, delete, truncate on events from "${role}";
grant update (published_at) on events to "${role}";
`;
