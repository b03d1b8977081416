-- 0001 no overlapping bookings
-- Why:   no vehicle is ever given to two customers at one time (BK-01): Postgres decides, not code. Bookings that ended block nothing.
--        The same index answers what is taken (BK-08), through a function that shows ranges and nothing of whose they are, because
--        anybody may ask and row-level security hides other people's bookings from everybody else.
-- Locks: ACCESS EXCLUSIVE on bookings until the index is built; it is empty here.
-- Undo:  drop function vehicle_busy_ranges; alter table bookings drop constraint bookings_no_overlap;
create extension if not exists btree_gist;
--> statement-breakpoint
alter table bookings add constraint bookings_no_overlap
  exclude using gist (vehicle_id with =, during with &&) where (status in ('HELD', 'CONFIRMED', 'ACTIVE'));
--> statement-breakpoint
-- At most 1,000 ranges per vehicle, the earliest: whether the beginning is free is always exact.
create function vehicle_busy_ranges(vehicle_ids uuid[], after_moment timestamptz)
  returns table (vehicle_id uuid, busy_from timestamptz, busy_to timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select wanted.id, lower(taken.during), upper(taken.during)
  from unnest(vehicle_ids) as wanted(id)
  cross join lateral (
    select b.during from bookings b
    where b.vehicle_id = wanted.id and b.status in ('HELD', 'CONFIRMED', 'ACTIVE') and b.during && tstzrange(after_moment, null)
    order by lower(b.during) limit 1000
  ) as taken
$$;
