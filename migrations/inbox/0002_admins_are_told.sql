-- 0002 admins are told
-- Why:   a flagged account and a discrepancy of the books are told to every admin (PL-20, PL-21); who they are is identity's word, kept here (EV-01).
-- Locks: none; the table is new.
-- Undo:  drop the table.
CREATE TABLE "admins" (
	"user_id" uuid PRIMARY KEY NOT NULL,
	"since" timestamp with time zone NOT NULL
);
--> statement-breakpoint
alter table admins enable row level security;
--> statement-breakpoint
create policy admins_ours on admins using (waygraph_is_privileged());
