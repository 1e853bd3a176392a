-- Every mail is a row before it is a message. No secret is ever in `vars`: links are minted at send time.
create table emails (
    id           uuid primary key,
    template     text not null,
    locale       text not null,
    mail_class   text not null check (mail_class in ('security', 'transactional', 'notification', 'broadcast')),
    to_address   citext not null,
    to_name      text,
    from_address text,
    reply_to     text,
    subject      text,                                       -- filled when sent
    vars         jsonb not null default '{}',
    attachments  jsonb not null default '[]',
    dedupe_key   text not null unique,                       -- one event, one mail per person
    status       text not null default 'queued' check (status in
        ('queued', 'held', 'sending', 'sent', 'bounced', 'complained', 'failed', 'suppressed', 'expired', 'uncertain')),
    message_id   text,                                       -- constant over all attempts
    smtp_reply   text,
    deadline_at  timestamptz,                                -- after it the mail ends as expired, unsent
    user_id      uuid,
    subject_type text,
    subject_id   uuid,
    sent_at      timestamptz,
    created_at   timestamptz not null default now()
);
create index emails_status on emails (status, id) where status <> 'sent';
create index emails_to on emails (to_address, id);
create index emails_user on emails (user_id) where user_id is not null;
create index emails_created on emails (created_at);

create table email_suppressions (
    address    citext primary key,
    reason     text not null check (reason in ('bounce', 'complaint', 'manual')),
    evidence   text,
    created_at timestamptz not null default now()
);
