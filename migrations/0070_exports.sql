-- Exports: what somebody wants as a file, how far it has come, and where the file is until it expires.
create table exports (
    id              uuid primary key,
    kind            text not null check (kind in ('personal_data', 'audit_log', 'orders', 'invoices', 'users', 'report')),
    format          text not null check (format in ('csv', 'json', 'xlsx', 'zip')),
    filters         jsonb not null default '{}',             -- as the list of the same rows takes them
    columns         text[] not null default '{}',            -- of the first table; none: all
    excel           boolean not null default false,          -- CSV as a French Excel reads it
    locale          text not null check (locale in ('fr', 'en')),
    requested_by    uuid not null references users (id) on delete cascade,
    subject_user_id uuid references users (id) on delete set null, -- whose personal data
    status          text not null default 'requested'
                    check (status in ('requested', 'running', 'ready', 'failed', 'expired', 'cancelled')),
    job_id          uuid not null,
    run             integer not null default 0,              -- the fence of the run that writes: another one is refused
    checkpoint      jsonb,                                   -- the parts that are finished, and where to go on
    rows_done       bigint not null default 0,
    rows_total      bigint,
    snapshots       integer not null default 0,              -- more than one: it was resumed
    error           text,
    file_id         uuid references files (id) on delete set null,
    size            bigint,
    sha256          text,
    downloads       integer not null default 0,
    created_at      timestamptz not null default now(),
    started_at      timestamptz,
    finished_at     timestamptz,
    expires_at      timestamptz
);
create unique index exports_open on exports (requested_by, kind) where status in ('requested', 'running');
create index exports_requester on exports (requested_by, id);
create index exports_subject on exports (subject_user_id) where subject_user_id is not null;
create index exports_expiry on exports (expires_at) where status = 'ready';
