CREATE TABLE "boarding_pins" (
	"trip_id" uuid PRIMARY KEY NOT NULL,
	"rider_id" uuid NOT NULL,
	"pin" text NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"locked_until" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "driver_preferences" (
	"rider_id" uuid NOT NULL,
	"driver_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"since" timestamp with time zone NOT NULL,
	CONSTRAINT "driver_preferences_rider_id_driver_id_pk" PRIMARY KEY("rider_id","driver_id")
);
--> statement-breakpoint
CREATE TABLE "driver_shifts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"driver_id" uuid NOT NULL,
	"began_at" timestamp with time zone NOT NULL,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "matching_mode_switches" (
	"id" uuid PRIMARY KEY NOT NULL,
	"mode" text NOT NULL,
	"is_on" boolean NOT NULL,
	"reason" text NOT NULL,
	"at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "matching_modes" (
	"mode" text PRIMARY KEY NOT NULL,
	"is_on" boolean NOT NULL,
	"since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "matching_settings" (
	"city" text PRIMARY KEY NOT NULL,
	"strategy" text NOT NULL,
	"boarding_pin" boolean NOT NULL,
	"updated_by" uuid NOT NULL,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trip_shares" (
	"id" uuid PRIMARY KEY NOT NULL,
	"trip_id" uuid NOT NULL,
	"token_hash" text NOT NULL,
	"created_by" uuid NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	CONSTRAINT "trip_shares_token_hash_unique" UNIQUE("token_hash")
);
--> statement-breakpoint
ALTER TABLE "offers" ADD COLUMN "terms" text DEFAULT 'TAKE' NOT NULL;--> statement-breakpoint
ALTER TABLE "offers" ADD COLUMN "bid_minor" bigint;--> statement-breakpoint
ALTER TABLE "trips" ADD COLUMN "strategy" text DEFAULT 'FIRST_ACCEPT' NOT NULL;--> statement-breakpoint
ALTER TABLE "trips" ADD COLUMN "agreed_fare_minor" bigint;--> statement-breakpoint
ALTER TABLE "boarding_pins" ADD CONSTRAINT "boarding_pins_trip_id_trips_id_fk" FOREIGN KEY ("trip_id") REFERENCES "public"."trips"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "driver_preferences" ADD CONSTRAINT "driver_preferences_driver_id_drivers_id_fk" FOREIGN KEY ("driver_id") REFERENCES "public"."drivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "driver_shifts" ADD CONSTRAINT "driver_shifts_driver_id_drivers_id_fk" FOREIGN KEY ("driver_id") REFERENCES "public"."drivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trip_shares" ADD CONSTRAINT "trip_shares_trip_id_trips_id_fk" FOREIGN KEY ("trip_id") REFERENCES "public"."trips"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "driver_shifts_one_open" ON "driver_shifts" USING btree ("driver_id") WHERE ended_at is null;--> statement-breakpoint
CREATE INDEX "driver_shifts_began" ON "driver_shifts" USING btree ("began_at");--> statement-breakpoint
CREATE INDEX "driver_shifts_ended" ON "driver_shifts" USING btree ("ended_at");--> statement-breakpoint
CREATE INDEX "matching_mode_switches_at" ON "matching_mode_switches" USING btree ("at");--> statement-breakpoint
CREATE INDEX "trip_shares_of_trip" ON "trip_shares" USING btree ("trip_id");--> statement-breakpoint
CREATE UNIQUE INDEX "offers_one_standby_per_trip" ON "offers" USING btree ("trip_id") WHERE status = 'STANDBY';--> statement-breakpoint
CREATE INDEX "offers_of_driver" ON "offers" USING btree ("driver_id","created_at");--> statement-breakpoint
CREATE INDEX "trips_requested" ON "trips" USING btree ("requested_at");--> statement-breakpoint
CREATE INDEX "trips_searching" ON "trips" USING btree ("requested_at") WHERE status = 'SEARCHING';