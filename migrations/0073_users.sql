-- Rights beside the role (groups, grants with an end), and accounts on their way out. The version before reads none of it.
alter table roles add column is_system boolean not null default false; -- cannot be deleted; `admin` not changed either
update roles set is_system = true where code in ('admin', 'user');
update roles set permissions = array(select distinct unnest(permissions || '{users.read,stats.read}') order by 1)
where code = 'moderator';

create table groups (
    id          uuid primary key,
    name        text not null unique,
    description text not null default '',
    color       text not null default '' check (color ~ '^(#[0-9a-f]{6})?$'),
    permissions text[] not null default '{}',
    is_active   boolean not null default true,               -- false: gives nothing
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now()
);

create table group_members (
    group_id uuid not null references groups (id) on delete cascade,
    user_id  uuid not null references users (id) on delete cascade,
    added_by uuid references users (id) on delete set null,
    added_at timestamptz not null default now(),
    primary key (group_id, user_id)
);
create index group_members_user on group_members (user_id);

create table permission_grants (
    id         uuid primary key,
    user_id    uuid not null references users (id) on delete cascade,
    permission text not null,
    granted_by uuid references users (id) on delete set null,
    expires_at timestamptz,                                  -- stops at that instant; null: until it is taken back
    created_at timestamptz not null default now(),
    unique (user_id, permission)
);

-- Somebody who wants to be forgotten: a person with an account, or the guests of one address. The row is the proof that
-- stays, so nothing of theirs is in it once it is done.
create table erasures (
    id            uuid primary key,
    user_id       uuid references users (id) on delete set null, -- null: guests
    address       citext,                                    -- what is looked for; until it is done
    former_status text,                                      -- the account's, for who is kept after all
    requested_by  uuid,                                      -- null: at the command line
    requested_at  timestamptz not null default now(),
    run_at        timestamptz not null,                      -- the end of the grace
    due_by        timestamptz not null,                      -- a month: GDPR, article 12(3)
    steps         text[] not null default '{}',              -- those that are done
    cursor        uuid,                                      -- how far the one under way has read
    traces        text[] not null default '{}',              -- Stripe's names of them: its news may come late
    kept          jsonb not null default '[]',               -- what, how many, until when, why
    job_id        uuid,
    cancelled_at  timestamptz,
    done_at       timestamptz
);
create unique index erasures_of_user on erasures (user_id) where done_at is null and cancelled_at is null;
create unique index erasures_of_address on erasures (address) where done_at is null and cancelled_at is null;
create index erasures_open on erasures (due_by) where done_at is null and cancelled_at is null;
create index erasures_done on erasures (done_at) where done_at is not null;

-- Where an erasure must find what names somebody without an account.
create index customers_email on customers (email);
create index requests_email on requests (submitter_email);
create index idempotency_keys_scope on idempotency_keys (scope) where scope <> 'anonymous';
