-- 0015 departures and held surge
-- Why:   trips for later are demand when they depart (DP-12, DP-35); surge is the highest level of the last five minutes, so that a busier history is never
--        cheaper, and the date of its last rise is not needed any more; an offer says that it was made by an airport's line (DP-22b).
-- Locks: ACCESS EXCLUSIVE on surge_cells (rewritten every 30 s anyway) and for an instant on offers; SHARE on trips while the small index is built.
-- Undo:  drop trips_departures, offers.in_line and surge_cells.recent; add surge_cells.raised_at timestamptz.
ALTER TABLE "surge_cells" ADD COLUMN "recent" integer[];--> statement-breakpoint
UPDATE "surge_cells" SET "recent" = ARRAY["surge_permille"];--> statement-breakpoint
ALTER TABLE "surge_cells" ALTER COLUMN "recent" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "surge_cells" DROP COLUMN "raised_at";--> statement-breakpoint
ALTER TABLE "offers" ADD COLUMN "in_line" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "trips_departures" ON "trips" USING btree ("depart_at") WHERE depart_at is not null;
