-- 0005 location rules
-- Why:   the history of points is cut by month, so that 90 days can be kept by dropping tables instead of deleting millions of rows (DP-06); and the
--        rules and policies of zones, airport queues, flags and suspensions (DP-01b, DP-07, DP-08).
-- Locks: ACCESS EXCLUSIVE on driver_location_history while its rows are copied, about a minute per ten million: points wait in the processes' buffers
--        meanwhile. An instant on drivers and the new tables.
-- Undo:  create table whole (like driver_location_history including all); insert into whole select * from driver_location_history; swap the names;
--        drop the functions location_history_prepare and location_history_retire, the policies and the constraints below.
alter table driver_location_history rename to driver_location_history_whole;
--> statement-breakpoint
alter table driver_location_history_whole rename constraint driver_location_history_driver_id_recorded_at_pk to driver_location_history_whole_pk;
--> statement-breakpoint
create table driver_location_history (
  driver_id uuid not null,
  recorded_at timestamptz not null,
  received_at timestamptz not null,
  lat double precision not null,
  lng double precision not null,
  heading double precision,
  speed_kmh double precision,
  accuracy_m double precision,
  constraint driver_location_history_driver_id_recorded_at_pk primary key (driver_id, recorded_at)
) partition by range (recorded_at);
--> statement-breakpoint
-- Makes the partitions of all months that touch the range. Runs as the owner, because the service may not make tables. Attaching takes only a lock that
-- lets inserts go on. Row-level security on each partition, without a policy: what is asked past the parent is not there.
create function location_history_prepare(from_time timestamptz, until_time timestamptz) returns int
  language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '3s' as $$
declare
  month timestamptz := date_trunc('month', from_time);
  part text;
  made int := 0;
begin
  if until_time - from_time > interval '800 days' then
    raise exception 'too many months at once: % to %', from_time, until_time using errcode = 'check_violation';
  end if;
  perform pg_advisory_xact_lock(7401963);
  while month <= until_time loop
    part := 'driver_location_history_' || to_char(month, 'YYYY_MM');
    if to_regclass(part) is null then
      execute format('create table %I (like driver_location_history including all)', part);
      execute format('alter table %I enable row level security', part);
      execute format('alter table driver_location_history attach partition %I for values from (%L) to (%L)', part, month, month + interval '1 month');
      made := made + 1;
    end if;
    month := month + interval '1 month';
  end loop;
  return made;
end $$;
--> statement-breakpoint
-- Drops the partitions that hold nothing younger. One at a time, and never waiting long for the lock, behind which all points would queue: the caller
-- tries again later. The look into the table is a second fence behind its name.
create function location_history_retire(before_time timestamptz) returns int
  language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' set lock_timeout = '3s' as $$
declare
  part record;
  is_younger boolean;
  dropped int := 0;
begin
  perform pg_advisory_xact_lock(7401963);
  for part in select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamptz as begins from pg_inherits i
      join pg_class c on c.oid = i.inhrelid where i.inhparent = 'driver_location_history'::regclass order by 2 loop
    continue when part.begins + interval '1 month' > before_time;
    execute format('select exists (select 1 from %I where recorded_at >= $1)', part.name) into is_younger using before_time;
    continue when is_younger;
    execute format('drop table %I', part.name);
    dropped := dropped + 1;
  end loop;
  return dropped;
end $$;
--> statement-breakpoint
select location_history_prepare(month, month)
  from (select distinct date_trunc('month', recorded_at, 'UTC') as month from driver_location_history_whole) months;
--> statement-breakpoint
select location_history_prepare(now() - interval '1 day', now() + interval '2 months');
--> statement-breakpoint
insert into driver_location_history (driver_id, recorded_at, received_at, lat, lng, heading, speed_kmh, accuracy_m)
  select driver_id, recorded_at, received_at, lat, lng, heading, speed_kmh, accuracy_m from driver_location_history_whole;
--> statement-breakpoint
drop table driver_location_history_whole;
--> statement-breakpoint
alter table driver_location_history enable row level security;
--> statement-breakpoint
create policy driver_location_history_own on driver_location_history using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_location_history.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
alter table drivers
  add constraint drivers_standing check (standing in ('GOOD', 'POOR'));
--> statement-breakpoint
alter table zones
  add constraint zones_kind check (kind in ('SERVICE_AREA', 'RESTRICTED', 'AIRPORT_QUEUE'));
--> statement-breakpoint
alter table airport_queue
  add constraint airport_queue_driver foreign key (driver_id) references drivers (id),
  add constraint airport_queue_zone foreign key (zone_id) references zones (id);
--> statement-breakpoint
alter table airport_queue enable row level security;
--> statement-breakpoint
create policy airport_queue_own on airport_queue using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = airport_queue.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
alter table location_flags
  add constraint location_flags_driver foreign key (driver_id) references drivers (id),
  add constraint location_flags_kind check (kind in ('IMPOSSIBLE_SPEED', 'TELEPORT', 'MOCKED', 'FROZEN')),
  add constraint location_flags_count check (count > 0);
--> statement-breakpoint
alter table location_flags enable row level security;
--> statement-breakpoint
create policy location_flags_of_office on location_flags using (waygraph_is_privileged());
--> statement-breakpoint
alter table driver_suspensions
  add constraint driver_suspensions_driver foreign key (driver_id) references drivers (id);
--> statement-breakpoint
alter table driver_suspensions enable row level security;
--> statement-breakpoint
create policy driver_suspensions_read on driver_suspensions for select using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_suspensions.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
create policy driver_suspensions_change on driver_suspensions for all using (waygraph_is_privileged());
