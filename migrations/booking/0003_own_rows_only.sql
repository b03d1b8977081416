-- 0003 own rows only
-- Why:   customers reach their own quotes and bookings and nobody else's (ID-08), also when a query forgets to ask. Nobody but the tables' owner
--        deletes bookings, and nobody changes the log of their transitions.
-- Locks: ACCESS EXCLUSIVE on the three tables for a moment.
-- Undo:  drop the policies; alter table … disable row level security;
alter table quotes enable row level security;
--> statement-breakpoint
create policy quotes_own on quotes for all
  using (customer_id = waygraph_actor_id() or waygraph_is_privileged())
  with check (customer_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table bookings enable row level security;
--> statement-breakpoint
create policy bookings_read_own on bookings for select using (customer_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy bookings_make_own on bookings for insert with check (customer_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
create policy bookings_change_own on bookings for update
  using (customer_id = waygraph_actor_id() or waygraph_is_privileged())
  with check (customer_id = waygraph_actor_id() or waygraph_is_privileged());
--> statement-breakpoint
alter table booking_transitions enable row level security;
--> statement-breakpoint
-- A transition is seen by whoever sees its booking: the policies of bookings apply to the subquery.
create policy booking_transitions_read on booking_transitions for select using (exists (select 1 from bookings b where b.id = booking_id));
--> statement-breakpoint
create policy booking_transitions_append on booking_transitions for insert with check (exists (select 1 from bookings b where b.id = booking_id));
