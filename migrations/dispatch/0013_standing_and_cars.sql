-- 0013 standing and cars
-- Why:   whom payments suspects of fraud gets no offers until that is decided, and a car that is retired takes its driver off the road (PL-21, DP-20).
-- Locks: ACCESS EXCLUSIVE on drivers for an instant.
-- Undo:  drop table fraud_flags; alter table drivers drop column vehicle_status;
CREATE TABLE "fraud_flags" (
	"flag_id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"is_confirmed" boolean NOT NULL,
	"since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "drivers" ADD COLUMN "vehicle_status" text DEFAULT 'ACTIVE' NOT NULL;--> statement-breakpoint
CREATE INDEX "fraud_flags_user" ON "fraud_flags" USING btree ("user_id");
--> statement-breakpoint
alter table fraud_flags enable row level security;
--> statement-breakpoint
create policy fraud_flags_of_office on fraud_flags using (waygraph_is_privileged());
