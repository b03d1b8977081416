ALTER TABLE "gateway_calls" ADD COLUMN "order_number" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "payments" ADD COLUMN "debt_minor" bigint DEFAULT 0 NOT NULL;