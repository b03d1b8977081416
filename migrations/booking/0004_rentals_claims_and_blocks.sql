CREATE TABLE "promotions" (
	"code" text PRIMARY KEY NOT NULL,
	"percent" integer NOT NULL,
	"valid_from" timestamp with time zone NOT NULL,
	"valid_to" timestamp with time zone NOT NULL,
	CONSTRAINT "promotions_percent" CHECK ("promotions"."percent" between 1 and 90)
);
--> statement-breakpoint
CREATE TABLE "vehicle_blocks" (
	"id" uuid PRIMARY KEY NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"to_at" timestamp with time zone NOT NULL,
	"reason" text NOT NULL,
	"created_by" text NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	"lifted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "vehicle_claims" (
	"id" uuid PRIMARY KEY NOT NULL,
	"holder_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"during" "tstzrange" NOT NULL,
	CONSTRAINT "vehicle_claims_half_open" CHECK (lower_inc("vehicle_claims"."during") and not upper_inc("vehicle_claims"."during") and not isempty("vehicle_claims"."during"))
);
--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "station_id" uuid;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "return_station_id" uuid;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "guest" jsonb;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "at_risk_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "at_risk_by" uuid;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "overdue_since" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "started_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "start_odometer_km" integer;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "start_fuel_percent" integer;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "returned_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "return_odometer_km" integer;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "return_fuel_percent" integer;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "late_fee_minor" bigint;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "fuel_fee_minor" bigint;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "damage_fee_minor" bigint;--> statement-breakpoint
ALTER TABLE "bookings" ADD COLUMN "damage_note" text;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "return_station_id" uuid;--> statement-breakpoint
ALTER TABLE "quotes" ADD COLUMN "changes_booking" uuid;--> statement-breakpoint
CREATE INDEX "vehicle_claims_holder" ON "vehicle_claims" USING btree ("holder_id");--> statement-breakpoint
CREATE INDEX "bookings_vehicle" ON "bookings" USING btree ("vehicle_id","pickup_at","id");--> statement-breakpoint
CREATE INDEX "bookings_station" ON "bookings" USING btree ("station_id","pickup_at","id");--> statement-breakpoint
CREATE INDEX "bookings_pickup" ON "bookings" USING btree ("pickup_at","id");--> statement-breakpoint
CREATE INDEX "bookings_station_news" ON "bookings" USING btree ("station_id","updated_at");--> statement-breakpoint
CREATE UNIQUE INDEX "bookings_one_active" ON "bookings" USING btree ("vehicle_id") WHERE status = 'ACTIVE';--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_readings" CHECK ("bookings"."return_odometer_km" >= "bookings"."start_odometer_km"
      and "bookings"."start_fuel_percent" between 0 and 100 and "bookings"."return_fuel_percent" between 0 and 100);--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_charges" CHECK ("bookings"."late_fee_minor" >= 0 and "bookings"."fuel_fee_minor" >= 0 and "bookings"."damage_fee_minor" >= 0);