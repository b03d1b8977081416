CREATE TABLE "past_rentals" (
	"booking_id" uuid PRIMARY KEY NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"from_at" timestamp with time zone NOT NULL,
	"to_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "busy_ranges" ADD COLUMN "kind" text DEFAULT 'BOOKING' NOT NULL;--> statement-breakpoint
CREATE INDEX "past_rentals_vehicle" ON "past_rentals" USING btree ("vehicle_id","to_at","from_at");