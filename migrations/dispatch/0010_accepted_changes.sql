-- 0010 accepted changes
-- Why:   a quote of another destination is agreed to once, and repeating that changes nothing (DP-16, EV-05).
-- Locks: ACCESS EXCLUSIVE on trip_quotes for an instant.
-- Undo:  alter table trip_quotes drop column accepted_at;
ALTER TABLE "trip_quotes" ADD COLUMN "accepted_at" timestamp with time zone;