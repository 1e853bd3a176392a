-- Small services every story uses.
create table settings (
    key        text primary key,
    value      jsonb not null,
    is_public  boolean not null default false,
    updated_by uuid,
    updated_at timestamptz not null default now()
);

create table notifications (
    id           uuid primary key,
    user_id      uuid,                                       -- null: the administrators
    audience     text not null check (audience in ('user', 'admin')),
    type         text not null check (type in ('info', 'success', 'warning', 'error', 'message', 'order', 'payment', 'consultation', 'system')),
    title        text not null,
    message      text not null,
    action_url   text,
    priority     text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    subject_type text,
    subject_id   uuid,
    by_email     boolean not null default true,              -- false when a mail of its own goes out for the same event
    template     text,                                       -- the mail it becomes; null: admin-<type> or user-<type>
    vars         jsonb not null default '{}',
    dedupe_key   text unique,
    read_at      timestamptz,
    deleted_at   timestamptz,
    created_at   timestamptz not null default now()
);
create index notifications_user on notifications (user_id, id) where deleted_at is null;

create table audit_log (
    id          bigint generated always as identity primary key,
    occurred_at timestamptz not null default now(),
    actor_id    uuid,
    actor_email text,
    action      text not null,
    severity    text not null check (severity in ('low', 'medium', 'high', 'critical')),
    target_type text,
    target_id   text,
    description text,
    details     jsonb not null default '{}',
    ip_address  inet,
    user_agent  text,
    request_id  uuid,
    outcome     text not null default 'success' check (outcome in ('success', 'refused', 'error'))
);
create index audit_log_time on audit_log (occurred_at);
create index audit_log_target on audit_log (target_type, target_id);

create table idempotency_keys (
    scope       text not null,                               -- the account, or `anonymous`
    key         text not null,
    request     bytea not null,                              -- keyed hash of method, path and body
    status      integer,
    body        jsonb,
    location    text,
    created_at  timestamptz not null default now(),
    primary key (scope, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);
