CREATE TABLE "reports" (
	"id" uuid PRIMARY KEY NOT NULL,
	"requested_by" uuid,
	"from_day" text NOT NULL,
	"to_day" text NOT NULL,
	"period" text NOT NULL,
	"status" text NOT NULL,
	"lines" jsonb NOT NULL,
	"periods" integer NOT NULL,
	"content" text,
	"requested_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE INDEX "reports_requested" ON "reports" USING btree ("requested_at");