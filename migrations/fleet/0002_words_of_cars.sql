CREATE TABLE "search_words" (
	"word" text PRIMARY KEY NOT NULL
);
--> statement-breakpoint
DROP INDEX "vehicles_price";--> statement-breakpoint
DROP INDEX "vehicles_newest";--> statement-breakpoint
ALTER TABLE "vehicles" ADD COLUMN "search_words" text[] DEFAULT '{}' NOT NULL;--> statement-breakpoint
CREATE INDEX "busy_ranges_ahead" ON "busy_ranges" USING btree ("vehicle_id","to_at","from_at");--> statement-breakpoint
CREATE INDEX "vehicles_listed_price" ON "vehicles" USING btree ("daily_rate_minor","id") WHERE "use" = 'RENTAL' and status = 'ACTIVE';--> statement-breakpoint
CREATE INDEX "vehicles_listed_newest" ON "vehicles" USING btree ("created_at","id") WHERE "use" = 'RENTAL' and status = 'ACTIVE';