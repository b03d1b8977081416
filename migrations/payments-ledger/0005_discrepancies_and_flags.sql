CREATE TABLE "balance_checkpoints" (
	"account_id" uuid PRIMARY KEY NOT NULL,
	"number" bigint NOT NULL,
	"balance_minor" bigint NOT NULL,
	"checked_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "discrepancies" (
	"id" uuid PRIMARY KEY NOT NULL,
	"kind" text NOT NULL,
	"reference" text NOT NULL,
	"expected" text NOT NULL,
	"actual" text NOT NULL,
	"status" text NOT NULL,
	"note" text,
	"resolved_by" uuid,
	"found_at" timestamp with time zone NOT NULL,
	"last_found_at" timestamp with time zone NOT NULL,
	"resolved_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "fraud_flags" (
	"id" uuid PRIMARY KEY NOT NULL,
	"user_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"status" text NOT NULL,
	"evidence" text NOT NULL,
	"note" text,
	"decided_by" uuid,
	"raised_at" timestamp with time zone NOT NULL,
	"decided_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX "discrepancies_subject" ON "discrepancies" USING btree ("kind","reference","expected","actual");--> statement-breakpoint
CREATE INDEX "discrepancies_status" ON "discrepancies" USING btree ("status","id");--> statement-breakpoint
CREATE UNIQUE INDEX "fraud_flags_open" ON "fraud_flags" USING btree ("user_id","kind") WHERE status = 'OPEN';--> statement-breakpoint
CREATE INDEX "fraud_flags_status" ON "fraud_flags" USING btree ("status","id");--> statement-breakpoint
CREATE INDEX "fraud_flags_user" ON "fraud_flags" USING btree ("user_id");