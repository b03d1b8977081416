-- 0013 what was taken
-- Why:   calendars show the past too (BK-09): a claim ends with its booking, so what is over is read from rentals until their return, and from blocks until
--        they were lifted. The function says when, and nothing of by whom, because anybody may ask.
-- Locks: none.
-- Undo:  drop function vehicle_taken;
create function vehicle_taken(vehicle_ids uuid[], from_moment timestamptz, to_moment timestamptz)
  returns table (vehicle_id uuid, during tstzrange)
  language sql stable security definer set search_path = public, pg_temp as $$
  select c.vehicle_id, c.during from vehicle_claims c
    where c.vehicle_id = any(vehicle_ids) and c.during && tstzrange(from_moment, to_moment)
  union all
  select b.vehicle_id, tstzrange(lower(b.during), b.returned_at) from bookings b
    where b.vehicle_id = any(vehicle_ids) and b.status = 'COMPLETED' and b.pickup_at < to_moment
      and b.returned_at > from_moment and b.returned_at > lower(b.during)
  union all
  select k.vehicle_id, tstzrange(k.from_at, least(k.to_at, k.lifted_at)) from vehicle_blocks k
    where k.vehicle_id = any(vehicle_ids) and k.lifted_at > k.from_at and k.from_at < to_moment and k.to_at > from_moment
$$;
