-- 0012 offers by revision
-- Why:   when a rider goes elsewhere while drivers are asked, they are asked again for the new way at its price, and what they answered for the old one
--        counts no more (DP-16, DP-22).
-- Locks: ACCESS EXCLUSIVE on offers while the constraint is built again: seconds for a million rows; an instant on trips.
-- Undo:  drop the constraint and both columns; add constraint offers_once_per_driver unique (trip_id, driver_id).
ALTER TABLE "offers" DROP CONSTRAINT "offers_once_per_driver";--> statement-breakpoint
ALTER TABLE "offers" ADD COLUMN "revision" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "trips" ADD COLUMN "revision" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "offers" ADD CONSTRAINT "offers_once_per_driver" UNIQUE("trip_id","driver_id","revision");
