-- 0002 row-level security
-- Why:   what is somebody else's is not there, even for a statement that forgets to ask whose it is (ID-08).
-- Locks: ACCESS EXCLUSIVE on each table for an instant; all are empty here.
-- Undo:  alter table … disable row level security; drop the policies.
-- Policies look at each other in one direction only: positions and states → drivers → trips → offers. A circle would be refused at run time.
alter table offers enable row level security;
--> statement-breakpoint
create policy offers_own on offers using (driver_user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table trips enable row level security;
--> statement-breakpoint
-- A driver who is asked whether to take a trip sees it as long as the question stands.
create policy trips_read on trips for select using (
  rider_id = waygraph_actor_id() or driver_user_id = waygraph_actor_id() or waygraph_is_privileged()
  or exists (select 1 from offers o where o.trip_id = trips.id and o.driver_user_id = waygraph_actor_id() and o.status = 'PENDING'));
--> statement-breakpoint
create policy trips_request on trips for insert with check (rider_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy trips_change on trips for update using (
  rider_id = waygraph_actor_id() or driver_user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table trip_states enable row level security;
--> statement-breakpoint
create policy trip_states_of_parties on trip_states using (waygraph_is_privileged() or exists (
  select 1 from trips t where t.id = trip_states.trip_id and waygraph_actor_id() in (t.rider_id, t.driver_user_id)));
--> statement-breakpoint
alter table trip_quotes enable row level security;
--> statement-breakpoint
create policy trip_quotes_own on trip_quotes using (owner_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table drivers enable row level security;
--> statement-breakpoint
create policy drivers_read on drivers for select using (user_id = waygraph_actor_id() or waygraph_is_privileged()
  or exists (select 1 from trips t where t.driver_id = drivers.id and t.rider_id = waygraph_actor_id()));
--> statement-breakpoint
create policy drivers_register on drivers for insert with check (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy drivers_change on drivers for update using (user_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table driver_positions enable row level security;
--> statement-breakpoint
create policy driver_positions_own on driver_positions using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_positions.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
alter table driver_location_history enable row level security;
--> statement-breakpoint
create policy driver_location_history_own on driver_location_history using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_location_history.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
alter table unpaid_trips enable row level security;
--> statement-breakpoint
create policy unpaid_trips_own on unpaid_trips using (payer_id = waygraph_actor_id() or waygraph_is_privileged());
