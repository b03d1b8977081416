-- 0014 cards, payouts, reviews
-- Why:   a card never gives more than it promised, so the promise is kept (PL-11); the sandbox bank remembers what it paid out (PL-13); money that a gateway
--        told of and that was not credited keeps its amount, for people to decide (PL-10); a report may fail, and its PDF is made by the job (PL-22).
-- Locks: ACCESS EXCLUSIVE on payments, reports and webhook_events for a moment; SHARE on webhook_events while its index is built.
-- Undo:  drop the table, the columns and the index.
CREATE TABLE "sandbox_payouts" (
	"key" text PRIMARY KEY NOT NULL,
	"order_id" text NOT NULL,
	"amount_minor" bigint NOT NULL,
	"currency" text NOT NULL,
	"outcome" text NOT NULL,
	"event_id" uuid NOT NULL,
	"decided_at" timestamp with time zone NOT NULL,
	"webhook_attempts" integer DEFAULT 0 NOT NULL,
	"delivered_at" timestamp with time zone,
	CONSTRAINT "sandbox_payouts_event_id_unique" UNIQUE("event_id")
);
--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "authorised_minor" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "reports" ADD COLUMN "pdf" "bytea";--> statement-breakpoint
ALTER TABLE "reports" ADD COLUMN "problem" text;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "amount_minor" bigint;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "currency" text;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "resolution" text;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "note" text;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "resolved_by" uuid;--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "resolved_at" timestamp with time zone;--> statement-breakpoint
CREATE INDEX "sandbox_payouts_order" ON "sandbox_payouts" USING btree ("order_id");--> statement-breakpoint
CREATE INDEX "webhook_events_review" ON "webhook_events" USING btree ("received_at") WHERE outcome in ('FLAGGED', 'UNKNOWN_ORDER');