-- 0002 booking transitions checked
-- Why:   a booking moves only along its life cycle (BK-02), whatever code writes it. The same list is in bookingStatus.ts; a test compares them.
-- Locks: SHARE ROW EXCLUSIVE on bookings for a moment.
-- Undo:  drop trigger bookings_status on bookings; drop function check_booking_status; drop function booking_may_become;
create function booking_may_become(from_status text, to_status text) returns boolean language sql immutable as $$
  select (from_status, to_status) in (
    ('HELD', 'CONFIRMED'), ('HELD', 'CANCELLED'), ('HELD', 'EXPIRED'),
    ('CONFIRMED', 'ACTIVE'), ('CONFIRMED', 'CANCELLED'), ('CONFIRMED', 'NO_SHOW'),
    ('ACTIVE', 'COMPLETED'))
$$;
--> statement-breakpoint
create function check_booking_status() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'HELD' then
      raise exception 'a booking begins as HELD, not as %', new.status using errcode = 'check_violation';
    end if;
  elsif new.status <> old.status and not booking_may_become(old.status, new.status) then
    raise exception 'a booking that is % cannot become %', old.status, new.status using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger bookings_status before insert or update of status on bookings for each row execute function check_booking_status();
