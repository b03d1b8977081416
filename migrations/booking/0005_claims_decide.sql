-- 0005 claims decide
-- Why:   owner's blocks and the gaps behind an overdue rental have to be inside the same constraint as bookings (BK-01, BK-06b), and are none. What is taken
--        of a vehicle moves into vehicle_claims, a small table with nothing personal in it; a deferred check sees at every commit that a booking which
--        blocks has exactly its range there, and one which does not has none. The function that anybody may ask skips one holder on request, so that a booking
--        is not in its own way when its dates are changed.
-- Locks: ACCESS EXCLUSIVE on bookings for a moment, on vehicle_claims until its index is built.
-- Undo:  drop the triggers and functions; add constraint bookings_no_overlap and the function of 0001 again.
insert into vehicle_claims (id, holder_id, kind, vehicle_id, during)
  select id, id, 'BOOKING', vehicle_id, during from bookings where status in ('HELD', 'CONFIRMED', 'ACTIVE');
--> statement-breakpoint
alter table vehicle_claims add constraint vehicle_claims_no_overlap exclude using gist (vehicle_id with =, during with &&);
--> statement-breakpoint
alter table bookings drop constraint bookings_no_overlap;
--> statement-breakpoint
update bookings b set station_id = v.station_id from vehicles v where v.vehicle_id = b.vehicle_id and b.station_id is null;
--> statement-breakpoint
drop function vehicle_busy_ranges(uuid[], timestamptz);
--> statement-breakpoint
-- At most 1,000 ranges per vehicle, the earliest: whether the beginning is free is always exact.
create function vehicle_busy_ranges(vehicle_ids uuid[], after_moment timestamptz, ignored_holder uuid)
  returns table (vehicle_id uuid, busy_from timestamptz, busy_to timestamptz)
  language sql stable security definer set search_path = public, pg_temp as $$
  select wanted.id, lower(taken.during), upper(taken.during)
  from unnest(vehicle_ids) as wanted(id)
  cross join lateral (
    select c.during from vehicle_claims c
    where c.vehicle_id = wanted.id and c.during && tstzrange(after_moment, null) and c.holder_id is distinct from ignored_holder
    order by lower(c.during) limit 1000
  ) as taken
$$;
--> statement-breakpoint
create function check_booking_claim() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
  holder uuid;
  booking bookings%rowtype;
begin
  if tg_table_name = 'bookings' then
    holder := new.id;
  else
    holder := case when tg_op = 'DELETE' then old.holder_id else new.holder_id end;
  end if;
  select * into booking from bookings where id = holder;
  if found and booking.status in ('HELD', 'CONFIRMED', 'ACTIVE') then
    if (select count(*) from vehicle_claims c where c.holder_id = holder and c.kind = 'BOOKING' and c.vehicle_id = booking.vehicle_id
        and c.during = booking.during) <> 1
      or exists (select 1 from vehicle_claims c where c.holder_id = holder and c.vehicle_id <> booking.vehicle_id) then
      raise exception 'booking % is % without the claim of its vehicle', holder, booking.status using errcode = 'check_violation';
    end if;
  elsif exists (select 1 from vehicle_claims c where c.holder_id = holder and c.kind <> 'BLOCK') then
    raise exception 'booking % keeps a vehicle that it does not need any more', holder using errcode = 'check_violation';
  end if;
  return null;
end $$;
--> statement-breakpoint
create constraint trigger bookings_have_claims after insert or update of status, vehicle_id, during on bookings
  deferrable initially deferred for each row execute function check_booking_claim();
--> statement-breakpoint
create constraint trigger claims_have_bookings after insert or update or delete on vehicle_claims
  deferrable initially deferred for each row execute function check_booking_claim();
--> statement-breakpoint
-- What everybody may know is in vehicle_claims and promotions; why a vehicle is blocked is the staff's business.
alter table vehicle_blocks enable row level security;
--> statement-breakpoint
create policy vehicle_blocks_staff on vehicle_blocks for all using (waygraph_is_privileged()) with check (waygraph_is_privileged());
