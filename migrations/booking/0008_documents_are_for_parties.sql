-- 0008 documents are for parties
-- Why:   agreements and photos are seen by the customer of their booking and by admins, also when a query forgets to ask (ID-08). Only jobs make them, and a
--        customer's own command that changes a booking begins its next agreement. What the local signer keeps is nobody's but its own.
-- Locks: ACCESS EXCLUSIVE on the three tables for a moment.
-- Undo:  drop the policies; alter table … disable row level security;
alter table agreements enable row level security;
--> statement-breakpoint
-- Seen and changed by whoever sees the booking: the policies of bookings apply to the subquery.
create policy agreements_of_booking on agreements for all
  using (exists (select 1 from bookings b where b.id = booking_id))
  with check (exists (select 1 from bookings b where b.id = booking_id));
--> statement-breakpoint
alter table rental_photos enable row level security;
--> statement-breakpoint
create policy rental_photos_read on rental_photos for select using (exists (select 1 from bookings b where b.id = booking_id));
--> statement-breakpoint
create policy rental_photos_add on rental_photos for insert with check (waygraph_is_privileged());
--> statement-breakpoint
alter table local_envelopes enable row level security;
--> statement-breakpoint
create policy local_envelopes_own on local_envelopes for all using (waygraph_has_role('SYSTEM')) with check (waygraph_has_role('SYSTEM'));
