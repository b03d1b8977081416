-- 0012 station news
-- Why:   a desk is told of every change that concerns its station, also by a booking that leaves it, and of none twice, in whatever order transactions commit
--        (BK-12): each change keeps its stations and its transaction. A driver under 25 whose age was not told pays at return (BK-03).
-- Locks: ACCESS EXCLUSIVE on booking_transitions while it is written anew, on bookings and quotes for a moment, SHARE on bookings for the index.
-- Undo:  drop the columns and indexes; create index bookings_station_news on bookings (station_id, updated_at);
DROP INDEX "bookings_station_news";--> statement-breakpoint
ALTER TABLE "booking_transitions" ADD COLUMN "station_ids" uuid[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "booking_transitions" ADD COLUMN "xact" "xid8" DEFAULT pg_current_xact_id() NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "young_driver_fee_minor" bigint;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "young_driver" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "booking_transitions_xact" ON "booking_transitions" USING btree ("xact","booking_id","sequence");--> statement-breakpoint
CREATE INDEX "bookings_return_station" ON "bookings" USING btree ("return_station_id","pickup_at","id");