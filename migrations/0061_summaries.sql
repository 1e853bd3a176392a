-- The summary of an order as a file: of which version it was drawn, and where it is.
alter table orders add column summary_version integer;
alter table orders add column summary_file_id uuid references files (id) on delete set null;

-- What was mailed about something.
create index emails_subject on emails (subject_id) where subject_id is not null;
