-- 0011 late rentals seen
-- Why:   whoever gives a range of a vehicle back, or takes one, has to know whether a rental is late with it (BK-06b): then the gap is that rental's, and a job
--        looks at who is behind it. Row-level security hides the rental from a customer, so a function says that much and nothing of whose it is.
-- Locks: none.
-- Undo:  drop function vehicle_late_rental;
create function vehicle_late_rental(vehicle uuid)
  returns table (booking_id uuid, blocked_to timestamptz, overdue boolean)
  language sql stable security definer set search_path = public, pg_temp as $$
  select b.id, upper(b.during), b.overdue_since is not null from bookings b
  where b.vehicle_id = vehicle and b.status = 'ACTIVE' and (b.overdue_since is not null or b.expected_back_at is not null)
$$;
