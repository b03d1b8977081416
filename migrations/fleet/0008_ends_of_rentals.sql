-- 0008 ends of rentals
-- Why:   utilisation counts cars that are out with customers, not the time that they are prepared in (FL-08): what blocks a car ends later than its rental.
-- Locks: ACCESS EXCLUSIVE on busy_ranges for a moment.
-- Undo:  alter table busy_ranges drop column return_at;
ALTER TABLE "busy_ranges" ADD COLUMN "return_at" timestamp with time zone;