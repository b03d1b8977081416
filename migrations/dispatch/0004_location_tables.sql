CREATE TABLE "airport_queue" (
	"driver_id" uuid PRIMARY KEY NOT NULL,
	"zone_id" uuid NOT NULL,
	"entered_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "driver_suspensions" (
	"id" uuid PRIMARY KEY NOT NULL,
	"driver_id" uuid NOT NULL,
	"reason" text NOT NULL,
	"suspended_by" uuid,
	"suspended_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "location_flags" (
	"id" uuid PRIMARY KEY NOT NULL,
	"driver_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"episode" integer NOT NULL,
	"count" integer NOT NULL,
	"from_lat" double precision,
	"from_lng" double precision,
	"from_at" timestamp with time zone,
	"to_lat" double precision NOT NULL,
	"to_lng" double precision NOT NULL,
	"to_at" timestamp with time zone NOT NULL,
	"first_at" timestamp with time zone NOT NULL,
	"last_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "zones" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"polygon" jsonb NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone NOT NULL,
	"retired_at" timestamp with time zone
);
--> statement-breakpoint
ALTER TABLE "drivers" ADD COLUMN "standing" text DEFAULT 'GOOD' NOT NULL;--> statement-breakpoint
CREATE INDEX "airport_queue_order" ON "airport_queue" USING btree ("zone_id","entered_at","driver_id");--> statement-breakpoint
CREATE UNIQUE INDEX "driver_suspensions_one_at_a_time" ON "driver_suspensions" USING btree ("driver_id") WHERE ended_at is null;--> statement-breakpoint
CREATE UNIQUE INDEX "location_flags_episode" ON "location_flags" USING btree ("driver_id","kind","episode");--> statement-breakpoint
CREATE INDEX "location_flags_newest" ON "location_flags" USING btree ("first_at","id");--> statement-breakpoint
CREATE INDEX "location_flags_recent" ON "location_flags" USING btree ("driver_id","last_at");--> statement-breakpoint
CREATE INDEX "zones_active" ON "zones" USING btree ("created_at","id") WHERE retired_at is null;