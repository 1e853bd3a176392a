-- What people write to the house: contact, free sample, complaint.
create sequence request_numbers;

create table requests (
    id              uuid primary key,
    number          text not null unique,
    kind            text not null check (kind in ('contact', 'free_sample', 'complaint')),
    submitter_id    uuid references users (id) on delete set null,
    submitter_name  text not null,
    submitter_email citext not null,
    submitter_phone text,
    title           text not null,
    body            text not null,
    category        text,
    priority        text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    status          text not null default 'open' check (status in ('open', 'in_progress', 'resolved', 'closed')),
    assignee_id     uuid references users (id) on delete set null,
    conversation_id uuid,
    locale          text not null default 'fr',
    details         jsonb not null default '{}',
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    resolved_at     timestamptz
);
create index requests_list on requests (status, kind, id);
create index requests_submitter on requests (submitter_id) where submitter_id is not null;
