-- 0008 the city
-- Why:   rate tables, events, surge, recorded ticks and demand (DP-10 to DP-12, DP-22b, DP-35); quotes say what made their price.
-- Locks: ACCESS EXCLUSIVE on fare_rates (a few rows) and for an instant on trip_quotes.
-- Undo:  drop the new tables and columns; primary key of fare_rates back to (vehicle_type, effective_from).
CREATE TABLE "demand_counts" (
	"cell" text NOT NULL,
	"quarter_at" timestamp with time zone NOT NULL,
	"requests" integer NOT NULL,
	CONSTRAINT "demand_counts_cell_quarter_at_pk" PRIMARY KEY("cell","quarter_at")
);
--> statement-breakpoint
CREATE TABLE "demand_seasons" (
	"cell" text NOT NULL,
	"slot" integer NOT NULL,
	"level" real NOT NULL,
	"mean_error" real NOT NULL,
	"weeks" integer NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "demand_seasons_cell_slot_pk" PRIMARY KEY("cell","slot")
);
--> statement-breakpoint
CREATE TABLE "fare_tables" (
	"id" uuid PRIMARY KEY NOT NULL,
	"effective_from" timestamp with time zone NOT NULL,
	"published_at" timestamp with time zone NOT NULL,
	"published_by" uuid,
	"note" text
);
--> statement-breakpoint
CREATE TABLE "matching_ticks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"strategy" text NOT NULL,
	"inputs" jsonb NOT NULL,
	"outcome" jsonb NOT NULL,
	"solve_micros" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "price_events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"multiplier_permille" integer NOT NULL,
	"area" jsonb NOT NULL,
	"starts_at" timestamp with time zone NOT NULL,
	"ends_at" timestamp with time zone NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"created_by" uuid,
	"ended_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "surge_cells" (
	"cell" text PRIMARY KEY NOT NULL,
	"surge_permille" integer NOT NULL,
	"target_permille" integer NOT NULL,
	"requests" integer NOT NULL,
	"available" integer NOT NULL,
	"raised_at" timestamp with time zone,
	"updated_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "trip_reasons" (
	"trip_id" uuid PRIMARY KEY NOT NULL,
	"tick_id" uuid NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"riders" integer NOT NULL,
	"drivers" integer NOT NULL,
	"pickup_seconds" integer NOT NULL,
	"nearest_seconds" integer NOT NULL
);
--> statement-breakpoint
-- Rates of the first days become the first rate table: no end, three minutes of waiting for nothing, then the price of a minute of the ride.
INSERT INTO "fare_tables" ("id", "effective_from", "published_at", "note")
  VALUES ('01900000-0000-7000-8005-000000000001', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00Z', 'first rates');--> statement-breakpoint
ALTER TABLE "fare_rates" DROP CONSTRAINT "fare_rates_vehicle_type_effective_from_pk";--> statement-breakpoint
ALTER TABLE "fare_rates" ADD COLUMN "table_id" uuid NOT NULL DEFAULT '01900000-0000-7000-8005-000000000001';--> statement-breakpoint
ALTER TABLE "fare_rates" ALTER COLUMN "table_id" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "fare_rates" ADD CONSTRAINT "fare_rates_table_id_vehicle_type_effective_from_pk" PRIMARY KEY("table_id","vehicle_type","effective_from");--> statement-breakpoint
ALTER TABLE "fare_rates" ADD COLUMN "effective_until" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "fare_rates" ADD COLUMN "waiting_free_s" integer NOT NULL DEFAULT 180;--> statement-breakpoint
ALTER TABLE "fare_rates" ALTER COLUMN "waiting_free_s" DROP DEFAULT;--> statement-breakpoint
ALTER TABLE "fare_rates" ADD COLUMN "waiting_per_minute_minor" integer;--> statement-breakpoint
UPDATE "fare_rates" SET "waiting_per_minute_minor" = "per_minute_minor";--> statement-breakpoint
ALTER TABLE "fare_rates" ALTER COLUMN "waiting_per_minute_minor" SET NOT NULL;--> statement-breakpoint
ALTER TABLE "trip_quotes" ADD COLUMN "surge_reason" text;--> statement-breakpoint
ALTER TABLE "trip_quotes" ADD COLUMN "factors" jsonb;--> statement-breakpoint
ALTER TABLE "trip_quotes" ADD COLUMN "low_minor" bigint;--> statement-breakpoint
ALTER TABLE "trip_quotes" ADD COLUMN "high_minor" bigint;--> statement-breakpoint
ALTER TABLE "trip_quotes" ADD COLUMN "trip_id" uuid;--> statement-breakpoint
ALTER TABLE "trips" ADD COLUMN "waiting_fee_minor" bigint;--> statement-breakpoint
CREATE INDEX "demand_counts_quarter" ON "demand_counts" USING btree ("quarter_at");--> statement-breakpoint
CREATE INDEX "demand_seasons_slot" ON "demand_seasons" USING btree ("slot");--> statement-breakpoint
CREATE INDEX "fare_tables_effective" ON "fare_tables" USING btree ("effective_from","published_at");--> statement-breakpoint
CREATE INDEX "matching_ticks_at" ON "matching_ticks" USING btree ("at");--> statement-breakpoint
CREATE INDEX "price_events_ends" ON "price_events" USING btree ("ends_at");