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
CREATE TABLE "booking_transitions" (
	"booking_id" uuid NOT NULL,
	"sequence" integer NOT NULL,
	"from_status" text,
	"to_status" text NOT NULL,
	"actor" text NOT NULL,
	"reason" text,
	"at" timestamp with time zone NOT NULL,
	CONSTRAINT "booking_transitions_booking_id_sequence_pk" PRIMARY KEY("booking_id","sequence")
);
--> statement-breakpoint
CREATE TABLE "bookings" (
	"id" uuid PRIMARY KEY NOT NULL,
	"customer_id" uuid NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"quote_id" uuid NOT NULL,
	"status" text NOT NULL,
	"pickup_at" timestamp with time zone NOT NULL,
	"return_at" timestamp with time zone NOT NULL,
	"during" "tstzrange" NOT NULL,
	"daily_rate_minor" bigint NOT NULL,
	"total_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"payment_method" text NOT NULL,
	"hold_expires_at" timestamp with time zone NOT NULL,
	"failure_code" text,
	"failure_message" text,
	"cancel_reason" text,
	"cancelled_by" text,
	"fee_minor" bigint,
	"created_at" timestamp with time zone NOT NULL,
	"updated_at" timestamp with time zone NOT NULL,
	CONSTRAINT "bookings_quote_id_unique" UNIQUE("quote_id"),
	CONSTRAINT "bookings_period" CHECK ("bookings"."pickup_at" < "bookings"."return_at"),
	CONSTRAINT "bookings_amounts" CHECK ("bookings"."total_minor" >= 0 and "bookings"."fee_minor" between 0 and "bookings"."total_minor"),
	CONSTRAINT "bookings_during_half_open" CHECK (lower_inc("bookings"."during") and not upper_inc("bookings"."during"))
);
--> statement-breakpoint
CREATE TABLE "quotes" (
	"id" uuid PRIMARY KEY NOT NULL,
	"customer_id" uuid NOT NULL,
	"vehicle_id" uuid NOT NULL,
	"pickup_at" timestamp with time zone NOT NULL,
	"return_at" timestamp with time zone NOT NULL,
	"days" integer NOT NULL,
	"daily_rate_minor" bigint NOT NULL,
	"lines" jsonb NOT NULL,
	"total_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"used_by_booking" uuid,
	"created_at" timestamp with time zone NOT NULL,
	CONSTRAINT "quotes_total_not_negative" CHECK ("quotes"."total_minor" >= 0)
);
--> statement-breakpoint
CREATE TABLE "vehicles" (
	"vehicle_id" uuid PRIMARY KEY NOT NULL,
	"use" text NOT NULL,
	"status" text NOT NULL,
	"category" text NOT NULL,
	"daily_rate_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"station_id" uuid,
	"time_zone" text NOT NULL,
	"title" text NOT NULL
);
--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_event_id_events_id_fk" FOREIGN KEY ("event_id") REFERENCES "public"."events"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "booking_transitions" ADD CONSTRAINT "booking_transitions_booking_id_bookings_id_fk" FOREIGN KEY ("booking_id") REFERENCES "public"."bookings"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "bookings" ADD CONSTRAINT "bookings_quote_id_quotes_id_fk" FOREIGN KEY ("quote_id") REFERENCES "public"."quotes"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "deliveries_due" ON "deliveries" USING btree ("next_attempt_at") WHERE acknowledged_at is null;--> statement-breakpoint
CREATE INDEX "deliveries_order" ON "deliveries" USING btree ("consumer","aggregate_id","sequence");--> statement-breakpoint
CREATE UNIQUE INDEX "events_aggregate_sequence" ON "events" USING btree ("aggregate_type","aggregate_id","sequence");--> statement-breakpoint
CREATE INDEX "events_causation" ON "events" USING btree ((metadata ->> 'causationId'));--> statement-breakpoint
CREATE INDEX "events_position" ON "events" USING btree ("position");--> statement-breakpoint
CREATE INDEX "idempotency_keys_age" ON "idempotency_keys" USING btree ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "timers_key" ON "timers" USING btree ("kind","key");--> statement-breakpoint
CREATE INDEX "timers_due" ON "timers" USING btree ("due_at");--> statement-breakpoint
CREATE INDEX "bookings_customer_newest" ON "bookings" USING btree ("customer_id","created_at","id");--> statement-breakpoint
CREATE INDEX "quotes_customer" ON "quotes" USING btree ("customer_id","expires_at");