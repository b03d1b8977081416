-- 0011 trips for later
-- Why:   a trip for later is not live until its search begins: it must not keep its rider from others for weeks (DP-22, DP-23), and in the queue of
--        searches it counts from then on.
-- Locks: SHARE on trips while the two indexes are built: seconds for a million rows.
-- Undo:  drop index trips_ahead_of_rider; make trips_one_live_per_rider of 0000 and searches_ahead of 0007 again.
DROP INDEX "trips_one_live_per_rider";--> statement-breakpoint
CREATE INDEX "trips_ahead_of_rider" ON "trips" USING btree ("rider_id") WHERE status = 'REQUESTED';--> statement-breakpoint
CREATE UNIQUE INDEX "trips_one_live_per_rider" ON "trips" USING btree ("rider_id") WHERE depart_at is null and status in ('REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED');;
--> statement-breakpoint
create or replace function searches_ahead(of_trip uuid) returns int
  language sql stable security definer set search_path = public
  as $$ select count(*)::int from trips t, trips own where own.id = of_trip and own.status = 'SEARCHING' and t.status = 'SEARCHING'
    and (greatest(t.requested_at, t.depart_at - interval '15 minutes'), t.id) < (greatest(own.requested_at, own.depart_at - interval '15 minutes'), own.id) $$;
