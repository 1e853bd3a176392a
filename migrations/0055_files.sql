-- Stored files: a row names bytes by their SHA-256; the bytes lie outside, in a folder or in S3, once for all rows that
-- name them.
create table files (
    id           uuid primary key,
    kind         text not null check (kind in ('invoice', 'document', 'export', 'upload')),
    sha256       text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    size         bigint not null check (size >= 0),          -- in bytes
    content_type text not null,
    name         text not null check (name <> ''),           -- under which it is downloaded
    user_id      uuid,                                       -- whose it is, so that erasure finds it
    created_at   timestamptz not null default now(),
    expires_at   timestamptz                                 -- after it the row goes; none: it stays
);
create index files_sha256 on files (sha256);
create index files_user on files (user_id) where user_id is not null;
create index files_expires on files (expires_at) where expires_at is not null;

-- `attachments` has been there since 0011, unused: a list of ids of files, in the order in which they are attached.
alter table emails add column message_bytes bigint;          -- as handed to the relay, attachments and encoding included
