-- 0014 driver documents
-- Why:   an admin looks at a driver's papers before he lets him on the road (DP-01b); they are for that driver and admins (ID-08).
-- Locks: none but of the new table.
-- Undo:  drop table driver_documents; and the folder dispatch/drivers of the storage.
CREATE TABLE "driver_documents" (
	"id" uuid PRIMARY KEY NOT NULL,
	"driver_id" uuid NOT NULL,
	"kind" text NOT NULL,
	"expires_on" date NOT NULL,
	"created_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "driver_documents_of_driver" ON "driver_documents" USING btree ("driver_id","created_at");
--> statement-breakpoint
alter table driver_documents
  add constraint driver_documents_driver foreign key (driver_id) references drivers (id),
  add constraint driver_documents_kind check (kind in ('LICENCE', 'VEHICLE_REGISTRATION', 'INSURANCE'));
--> statement-breakpoint
alter table driver_documents enable row level security;
--> statement-breakpoint
create policy driver_documents_read on driver_documents for select using (waygraph_is_privileged() or exists (
  select 1 from drivers d where d.id = driver_documents.driver_id and d.user_id = waygraph_actor_id()));
--> statement-breakpoint
-- Written by the upload alone, which runs as the system.
create policy driver_documents_keep on driver_documents for all using (waygraph_is_privileged());
