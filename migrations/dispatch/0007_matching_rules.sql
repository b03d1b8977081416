-- 0007 matching rules
-- Why:   strategies, bids and stand-by drivers within the rules that the database holds (DP-22); what a rider likes, tells or shares is the rider's (ID-08);
--        a search that lost its driver goes on with the next numbers of its sequence (DP-30).
-- Locks: ACCESS EXCLUSIVE on offers and trips while their checks look at each row; SHARE ROW EXCLUSIVE otherwise.
-- Undo:  drop the checks, policies and functions named here; make offers_status and trips_read of 0001 and 0002 again; delete the two rows of
--        trip_transitions and those of matching_modes.
alter table offers
  drop constraint offers_status,
  add constraint offers_status check (status in ('PENDING', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN', 'STANDBY')),
  add constraint offers_terms check (terms in ('TAKE', 'BID', 'STAND_BY')),
  add constraint offers_standby_terms check (status <> 'STANDBY' or terms = 'STAND_BY'),
  add constraint offers_bid check (bid_minor is null or (terms = 'BID' and bid_minor > 0));
--> statement-breakpoint
alter table trips add constraint trips_agreed_fare_not_negative check (agreed_fare_minor >= 0);
--> statement-breakpoint
insert into trip_transitions (from_status, to_status) values ('ACCEPTED', 'SEARCHING'), ('DRIVER_ARRIVED', 'SEARCHING');
--> statement-breakpoint
-- Who stands by sees the trip as long as he does.
alter policy trips_read on trips using (
  rider_id = waygraph_actor_id() or driver_user_id = waygraph_actor_id() or waygraph_is_privileged()
  or exists (select 1 from offers o where o.trip_id = trips.id and o.driver_user_id = waygraph_actor_id() and o.status in ('PENDING', 'STANDBY')));
--> statement-breakpoint
alter table driver_preferences add constraint driver_preferences_kind check (kind in ('FAVOURITE', 'BLOCKED'));
--> statement-breakpoint
alter table driver_preferences enable row level security;
--> statement-breakpoint
create policy driver_preferences_own on driver_preferences using (rider_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table trip_shares enable row level security;
--> statement-breakpoint
create policy trip_shares_own on trip_shares using (created_by = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table boarding_pins add constraint boarding_pins_four_digits check (pin ~ '^[0-9]{4}$');
--> statement-breakpoint
alter table boarding_pins enable row level security;
--> statement-breakpoint
create policy boarding_pins_own on boarding_pins using (rider_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table driver_shifts enable row level security;
--> statement-breakpoint
create policy driver_shifts_own on driver_shifts using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_shifts.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
insert into matching_modes (mode, is_on, since) values ('POSITIONS_FROM_POSTGRES', false, now()), ('OVERLOAD', false, now());
--> statement-breakpoint
-- How many wait is no secret, who they are is: runs as the owner, past row-level security, and tells a number only.
create function searches_ahead(of_trip uuid) returns int
  language sql stable security definer set search_path = public
  as $$ select count(*)::int from trips t, trips own where own.id = of_trip and own.status = 'SEARCHING' and t.status = 'SEARCHING'
    and (t.requested_at, t.id) < (own.requested_at, own.id) $$;
