CREATE INDEX "vehicles_alike" ON "vehicles" USING btree ("category","station_id");--> statement-breakpoint
CREATE INDEX "vehicles_station" ON "vehicles" USING btree ("station_id");