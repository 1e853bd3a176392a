-- The worker that edits on somebody's behalf does not know their rights: what they could when they started it stands here.
alter table bulk_operations add column may_reveal boolean not null default false;
