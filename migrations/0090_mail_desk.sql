-- Mails that people look after: sent once more, and addresses that get none for a while.
alter table emails add column again_of uuid;                 -- the mail that this one repeats
create index emails_again on emails (again_of) where again_of is not null;

alter table email_suppressions
    add column expires_at timestamptz,                       -- none: until somebody lets go of it
    add column added_by   uuid;                              -- none: the house itself
