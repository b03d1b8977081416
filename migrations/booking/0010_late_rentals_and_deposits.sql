-- 0010 late rentals and deposits
-- Why:   when a late car is expected back, and until when its next customer was in danger of not getting it, decide who is told and what a no-show costs
--        (BK-06b, BK-10); a deposit is quoted apart from the price, set aside at pick-up and settled at return (BK-07).
-- Locks: ACCESS EXCLUSIVE on bookings and quotes for a moment, and on bookings until the new check has read it.
-- Undo:  alter table bookings drop the columns; alter table quotes drop column deposit_minor;
ALTER TABLE "bookings" ADD COLUMN "at_risk_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "expected_back_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "deposit_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "deposit_status" text;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "deposit_taken_minor" bigint;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "deposit_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_deposit" CHECK ("bookings"."deposit_minor" >= 0 and "bookings"."deposit_taken_minor" between 0 and "bookings"."deposit_minor");