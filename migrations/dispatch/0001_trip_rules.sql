-- 0001 trip rules
-- Why:   a trip takes only allowed steps, each with the next number, and never loses one, whatever the code does (DP-30, DP-23).
-- Locks: SHARE ROW EXCLUSIVE on trips and trip_states, ACCESS EXCLUSIVE for the checks; all are empty here.
-- Undo:  drop the triggers trips_step and trip_states_append_only, their functions, requests_per_cell, and the checks.
insert into trip_transitions (from_status, to_status) values
  ('REQUESTED', 'SEARCHING'), ('REQUESTED', 'CANCELLED'),
  ('SEARCHING', 'ACCEPTED'), ('SEARCHING', 'NO_DRIVERS'), ('SEARCHING', 'CANCELLED'),
  ('ACCEPTED', 'DRIVER_ARRIVED'), ('ACCEPTED', 'CANCELLED'),
  ('DRIVER_ARRIVED', 'STARTED'), ('DRIVER_ARRIVED', 'CANCELLED'),
  ('STARTED', 'COMPLETED'), ('STARTED', 'CANCELLED');
--> statement-breakpoint
create function trips_check_step() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    if new.status <> 'REQUESTED' or new.sequence <> 1 then
      raise exception 'a trip begins REQUESTED with sequence 1, not % with %', new.status, new.sequence using errcode = 'check_violation';
    end if;
    return new;
  end if;
  if new.status = old.status then
    if new.sequence <> old.sequence then
      raise exception 'trip %: the sequence counts changes of status only', old.id using errcode = 'check_violation';
    end if;
    return new;
  end if;
  if new.sequence <> old.sequence + 1 then
    raise exception 'trip %: sequence % follows %', old.id, new.sequence, old.sequence using errcode = 'check_violation';
  end if;
  if not exists (select 1 from trip_transitions t where t.from_status = old.status and t.to_status = new.status) then
    raise exception 'trip %: % cannot become %', old.id, old.status, new.status using errcode = 'check_violation';
  end if;
  return new;
end $$;
--> statement-breakpoint
create trigger trips_step before insert or update of status, sequence on trips for each row execute function trips_check_step();
--> statement-breakpoint
create function trip_states_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'the log of states is append-only' using errcode = 'check_violation';
end $$;
--> statement-breakpoint
create trigger trip_states_append_only before update or delete on trip_states for each row execute function trip_states_refuse_change();
--> statement-breakpoint
alter table trips
  add constraint trips_driver_known check ((driver_id is null) = (driver_user_id is null)),
  add constraint trips_driver_when_accepted check (status not in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED', 'COMPLETED') or driver_id is not null),
  add constraint trips_not_own_driver check (driver_user_id is null or driver_user_id <> rider_id),
  add constraint trips_fares_not_negative check (quoted_fare_minor >= 0 and final_fare_minor >= 0 and fee_minor >= 0),
  add constraint trips_stars check (stars between 1 and 5);
--> statement-breakpoint
alter table drivers
  add constraint drivers_state check (state in ('OFFLINE', 'AVAILABLE', 'OFFERED', 'BUSY', 'COOLDOWN')),
  add constraint drivers_approval_known check (approval in ('PENDING', 'APPROVED', 'SUSPENDED')),
  add constraint drivers_vehicle_type check (vehicle_type in ('ECONOMY', 'COMFORT', 'PREMIUM', 'XL'));
--> statement-breakpoint
alter table offers
  add constraint offers_status check (status in ('PENDING', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN'));
--> statement-breakpoint
-- Demand is public, the requests that it counts are not: runs as the owner, past row-level security, and tells numbers only.
create function requests_per_cell(cells text[], since timestamptz) returns table (cell text, requests int)
  language sql stable security definer set search_path = public
  as $$ select t.pickup_cell, count(*)::int from trips t where t.pickup_cell = any(cells) and t.requested_at > since group by t.pickup_cell $$;
