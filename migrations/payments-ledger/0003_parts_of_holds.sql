-- 0003 parts of holds
-- Why:   holds are captured in parts (PL-08); a transaction says how many entries it has, so that none can be added later (PL-01); entries that count
--        at another time than that of their recording are few, and have an index of their own (`balanceAt`), which costs postings nothing.
-- Locks: ACCESS EXCLUSIVE on holds, transactions and entries while the counts are written.
-- Undo:  drop the two columns and the index, and create entries_effective on entries (account_id, effective_at).
DROP INDEX "entries_effective";--> statement-breakpoint
ALTER TABLE "holds" ADD COLUMN "captures" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "transactions" ADD COLUMN "entry_count" smallint;--> statement-breakpoint
ALTER TABLE "transactions" DISABLE TRIGGER "transactions_immutable";--> statement-breakpoint
UPDATE "transactions" t SET "entry_count" = (SELECT count(*) FROM "entries" e WHERE e.transaction_id = t.id);--> statement-breakpoint
ALTER TABLE "transactions" ENABLE TRIGGER "transactions_immutable";--> statement-breakpoint
ALTER TABLE "transactions" ALTER COLUMN "entry_count" SET NOT NULL;--> statement-breakpoint
CREATE INDEX "entries_backdated" ON "entries" USING btree ("account_id") WHERE effective_at <> recorded_at;
