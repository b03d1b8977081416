CREATE TABLE "consumed_events" (
	"event_id" uuid PRIMARY KEY NOT NULL,
	"type" text NOT NULL,
	"consumed_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "consumer_positions" (
	"emitter" text NOT NULL,
	"aggregate_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	CONSTRAINT "consumer_positions_emitter_aggregate_id_pk" PRIMARY KEY("emitter","aggregate_id")
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"event_id" uuid NOT NULL,
	"consumer" text NOT NULL,
	"aggregate_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"previous_sequence" integer NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"next_attempt_at" timestamp with time zone NOT NULL,
	"acknowledged_at" timestamp with time zone,
	CONSTRAINT "deliveries_event_id_consumer_pk" PRIMARY KEY("event_id","consumer")
);
--> statement-breakpoint
CREATE TABLE "events" (
	"id" uuid PRIMARY KEY NOT NULL,
	"position" bigint GENERATED ALWAYS AS IDENTITY (sequence name "events_position_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"aggregate_type" text NOT NULL,
	"aggregate_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"type" text NOT NULL,
	"version" integer DEFAULT 1 NOT NULL,
	"payload" jsonb NOT NULL,
	"metadata" jsonb NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"published_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "idempotency_keys" (
	"actor" text NOT NULL,
	"mutation" text NOT NULL,
	"key" text NOT NULL,
	"request_hash" text NOT NULL,
	"entity_id" uuid,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "idempotency_keys_actor_mutation_key_pk" PRIMARY KEY("actor","mutation","key")
);
--> statement-breakpoint
CREATE TABLE "parked_events" (
	"emitter" text NOT NULL,
	"aggregate_id" uuid NOT NULL,
	"previous_sequence" integer NOT NULL,
	"envelope" jsonb NOT NULL,
	"parked_at" timestamp with time zone NOT NULL,
	CONSTRAINT "parked_events_emitter_aggregate_id_previous_sequence_pk" PRIMARY KEY("emitter","aggregate_id","previous_sequence")
);
--> statement-breakpoint
CREATE TABLE "timers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"key" text NOT NULL,
	"payload" jsonb NOT NULL,
	"due_at" timestamp with time zone NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	"metadata" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "driver_location_history" (
	"driver_id" uuid NOT NULL,
	"recorded_at" timestamp with time zone NOT NULL,
	"received_at" timestamp with time zone NOT NULL,
	"lat" double precision NOT NULL,
	"lng" double precision NOT NULL,
	"heading" double precision,
	"speed_kmh" double precision,
	"accuracy_m" double precision,
	CONSTRAINT "driver_location_history_driver_id_recorded_at_pk" PRIMARY KEY("driver_id","recorded_at")
);
--> statement-breakpoint
CREATE TABLE "driver_positions" (
	"driver_id" uuid PRIMARY KEY NOT NULL,
	"lat" double precision NOT NULL,
	"lng" double precision NOT NULL,
	"heading" double precision,
	"speed_kmh" double precision,
	"recorded_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "drivers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"vehicle_type" text NOT NULL,
	"make" text NOT NULL,
	"model" text NOT NULL,
	"year" integer NOT NULL,
	"seats" integer NOT NULL,
	"plate" text NOT NULL,
	"licence_number" text NOT NULL,
	"approval" text NOT NULL,
	"state" text NOT NULL,
	"available_since" timestamp with time zone,
	"stars_sum" integer DEFAULT 0 NOT NULL,
	"stars_count" integer DEFAULT 0 NOT NULL,
	"offered_count" integer DEFAULT 0 NOT NULL,
	"accepted_count" integer DEFAULT 0 NOT NULL,
	"completed_count" integer DEFAULT 0 NOT NULL,
	"cancelled_count" integer DEFAULT 0 NOT NULL,
	"version" integer NOT NULL,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "drivers_user_id_unique" UNIQUE("user_id"),
	CONSTRAINT "drivers_vehicle_id_unique" UNIQUE("vehicle_id")
);
--> statement-breakpoint
CREATE TABLE "fare_rates" (
	"vehicle_type" text NOT NULL,
	"effective_from" timestamp with time zone NOT NULL,
	"base_minor" integer NOT NULL,
	"per_km_minor" integer NOT NULL,
	"per_minute_minor" integer NOT NULL,
	"minimum_minor" integer NOT NULL,
	"booking_fee_minor" integer NOT NULL,
	"cancellation_fee_minor" integer NOT NULL,
	CONSTRAINT "fare_rates_vehicle_type_effective_from_pk" PRIMARY KEY("vehicle_type","effective_from")
);
--> statement-breakpoint
CREATE TABLE "offers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"trip_id" uuid NOT NULL,
	"driver_id" uuid NOT NULL,
	"driver_user_id" uuid NOT NULL,
	"status" text NOT NULL,
	"round" integer NOT NULL,
	"pickup_distance_m" integer NOT NULL,
	"earnings_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"decline_reason" text,
	"created_at" timestamp with time zone NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"answered_at" timestamp with time zone,
	CONSTRAINT "offers_once_per_driver" UNIQUE("trip_id","driver_id")
);
--> statement-breakpoint
CREATE TABLE "trip_quotes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"owner_id" uuid NOT NULL,
	"vehicle_type" text NOT NULL,
	"pickup_lat" double precision NOT NULL,
	"pickup_lng" double precision NOT NULL,
	"destination_lat" double precision NOT NULL,
	"destination_lng" double precision NOT NULL,
	"distance_m" integer NOT NULL,
	"duration_s" integer NOT NULL,
	"fare_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"items" jsonb NOT NULL,
	"surge_permille" integer NOT NULL,
	"depart_at" timestamp with time zone,
	"expires_at" timestamp with time zone NOT NULL,
	"used_by" uuid,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "trip_quotes_used_by_unique" UNIQUE("used_by")
);
--> statement-breakpoint
CREATE TABLE "trip_states" (
	"trip_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"status" text NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"actor_kind" text NOT NULL,
	CONSTRAINT "trip_states_trip_id_sequence_pk" PRIMARY KEY("trip_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "trip_transitions" (
	"from_status" text NOT NULL,
	"to_status" text NOT NULL,
	CONSTRAINT "trip_transitions_from_status_to_status_pk" PRIMARY KEY("from_status","to_status")
);
--> statement-breakpoint
CREATE TABLE "trips" (
	"id" uuid PRIMARY KEY NOT NULL,
	"quote_id" uuid NOT NULL,
	"status" text NOT NULL,
	"sequence" integer NOT NULL,
	"rider_id" uuid NOT NULL,
	"driver_id" uuid,
	"driver_user_id" uuid,
	"vehicle_type" text NOT NULL,
	"pickup_lat" double precision NOT NULL,
	"pickup_lng" double precision NOT NULL,
	"pickup_cell" text NOT NULL,
	"destination_lat" double precision NOT NULL,
	"destination_lng" double precision NOT NULL,
	"quoted_fare_minor" bigint NOT NULL,
	"final_fare_minor" bigint,
	"fee_minor" bigint,
	"currency" text NOT NULL,
	"payment_method" text NOT NULL,
	"search_round" integer DEFAULT 0 NOT NULL,
	"depart_at" timestamp with time zone,
	"requested_at" timestamp with time zone NOT NULL,
	"accepted_at" timestamp with time zone,
	"arrived_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"completed_at" timestamp with time zone,
	"cancelled_at" timestamp with time zone,
	"cancelled_by" text,
	"cancel_reason" text,
	"route" text,
	"route_distance_m" integer,
	"stars" integer,
	"comment" text,
	CONSTRAINT "trips_quote_id_unique" UNIQUE("quote_id")
);
--> statement-breakpoint
CREATE TABLE "unpaid_trips" (
	"trip_id" uuid PRIMARY KEY NOT NULL,
	"payer_id" uuid NOT NULL,
	"since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_event_id_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "driver_positions" ADD CONSTRAINT "driver_positions_driver_id_drivers_id_fk" FOREIGN KEY ("driver_id") REFERENCES "public"."drivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "offers" ADD CONSTRAINT "offers_trip_id_trips_id_fk" FOREIGN KEY ("trip_id") REFERENCES "public"."trips"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "offers" ADD CONSTRAINT "offers_driver_id_drivers_id_fk" FOREIGN KEY ("driver_id") REFERENCES "public"."drivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trip_states" ADD CONSTRAINT "trip_states_trip_id_trips_id_fk" FOREIGN KEY ("trip_id") REFERENCES "public"."trips"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trips" ADD CONSTRAINT "trips_quote_id_trip_quotes_id_fk" FOREIGN KEY ("quote_id") REFERENCES "public"."trip_quotes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "trips" ADD CONSTRAINT "trips_driver_id_drivers_id_fk" FOREIGN KEY ("driver_id") REFERENCES "public"."drivers"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("next_attempt_at") WHERE acknowledged_at is null;--> statement-breakpoint
CREATE INDEX "deliveries_order" ON "deliveries" USING btree ("consumer","aggregate_id","sequence");--> statement-breakpoint
CREATE UNIQUE INDEX "events_aggregate_sequence" ON "events" USING btree ("aggregate_type","aggregate_id","sequence");--> statement-breakpoint
CREATE INDEX "events_causation" ON "events" USING btree ((metadata ->> 'causationId'));--> statement-breakpoint
CREATE INDEX "events_position" ON "events" USING btree ("position");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "timers_key" ON "timers" USING btree ("kind","key");--> statement-breakpoint
CREATE INDEX "timers_due" ON "timers" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "drivers_approval" ON "drivers" USING btree ("approval","created_at","id");--> statement-breakpoint
CREATE UNIQUE INDEX "offers_one_pending_per_driver" ON "offers" USING btree ("driver_id") WHERE status = 'PENDING';--> statement-breakpoint
CREATE INDEX "offers_pending_of_user" ON "offers" USING btree ("driver_user_id") WHERE status = 'PENDING';--> statement-breakpoint
CREATE INDEX "trip_quotes_expiry" ON "trip_quotes" USING btree ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "trips_one_live_per_driver" ON "trips" USING btree ("driver_id") WHERE status in ('ACCEPTED', 'DRIVER_ARRIVED', 'STARTED');--> statement-breakpoint
CREATE UNIQUE INDEX "trips_one_live_per_rider" ON "trips" USING btree ("rider_id") WHERE status in ('REQUESTED', 'SEARCHING', 'ACCEPTED', 'DRIVER_ARRIVED', 'STARTED');--> statement-breakpoint
CREATE INDEX "trips_of_rider" ON "trips" USING btree ("rider_id","requested_at","id");--> statement-breakpoint
CREATE INDEX "trips_of_driver" ON "trips" USING btree ("driver_user_id","requested_at","id");--> statement-breakpoint
CREATE INDEX "trips_demand" ON "trips" USING btree ("pickup_cell","requested_at");--> statement-breakpoint
CREATE INDEX "unpaid_trips_payer" ON "unpaid_trips" USING btree ("payer_id");