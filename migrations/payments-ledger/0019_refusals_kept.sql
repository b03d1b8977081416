DROP INDEX "gateway_calls_open_payment";--> statement-breakpoint
ALTER TABLE "idempotency_keys" ADD COLUMN "refusal" jsonb;--> statement-breakpoint
CREATE UNIQUE INDEX "gateway_calls_open_order" ON "gateway_calls" USING btree ("payment_id","order_number") WHERE status = 'OPEN' and payment_id is not null;