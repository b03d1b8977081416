-- 0016 reviews have ids
-- Why:   admins list and decide money that was not credited, page by page: such a webhook needs an id that people can name (PL-10).
-- Locks: ACCESS EXCLUSIVE on webhook_events while its rows get their ids and the two indexes are built.
-- Undo:  drop the constraint, the index and the column; create webhook_events_review of 0014 again.
DROP INDEX "webhook_events_review";--> statement-breakpoint
ALTER TABLE "webhook_events" ADD COLUMN "id" uuid DEFAULT gen_random_uuid() NOT NULL;--> statement-breakpoint
CREATE INDEX "webhook_events_review" ON "webhook_events" USING btree ("id") WHERE outcome in ('FLAGGED', 'UNKNOWN_ORDER');--> statement-breakpoint
ALTER TABLE "webhook_events" ADD CONSTRAINT "webhook_events_id" UNIQUE("id");