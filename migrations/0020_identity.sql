-- People, what they may do, and how they prove who they are.
create table roles (
    code        text primary key,
    label       text not null,
    permissions text[] not null default '{}'                 -- `*` is every permission
);

create table users (
    id              uuid primary key,
    email           citext unique,
    username        citext unique,
    password_hash   text,                                    -- PHC: argon2id, or an imported bcrypt until the next login
    first_name      text not null default '',
    last_name       text not null default '',
    role            text not null references roles (code),
    status          text not null check (status in ('pending_activation', 'active', 'suspended', 'deletion_pending', 'anonymised')),
    locale          text not null default 'fr' check (locale in ('fr', 'en')),
    phone           text,
    avatar_file_id  uuid,
    employee_number text unique,
    department      text,
    job_title       text,
    totp_secret_enc bytea,
    failed_logins   integer not null default 0,
    last_failure_at timestamptz,
    locked_until    timestamptz,
    last_seen_at    timestamptz,
    activated_at    timestamptz,
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now()
);
create index users_role on users (role);
create index users_pending on users (created_at) where status = 'pending_activation'; -- for the purge

create table user_preferences (
    user_id               uuid primary key references users (id) on delete cascade,
    locale                text,
    email_notifications   text not null default 'all' check (email_notifications in ('all', 'important', 'digest', 'none')),
    dark_mode             boolean not null default false,
    learning_goal_minutes integer not null default 10
);

-- A session is a family of refresh tokens, or one dashboard cookie.
create table sessions (
    id          uuid primary key,                            -- the token's `sid`
    user_id     uuid not null references users (id) on delete cascade,
    kind        text not null check (kind in ('api', 'dashboard')),
    cookie_hash bytea unique,                                -- dashboard only: SHA-256 of the cookie
    ip_address  inet,
    user_agent  text,
    created_at  timestamptz not null default now(),
    seen_at     timestamptz not null default now(),
    expires_at  timestamptz not null,
    revoked_at  timestamptz
);
create index sessions_user on sessions (user_id) where revoked_at is null;
create index sessions_expiry on sessions (expires_at);

create table refresh_tokens (
    token_hash bytea primary key,                            -- SHA-256; the token itself is never stored
    session_id uuid not null references sessions (id) on delete cascade,
    created_at timestamptz not null default now(),
    used_at    timestamptz
);
create index refresh_tokens_session on refresh_tokens (session_id);

create table account_tokens (
    id         uuid primary key,
    user_id    uuid not null references users (id) on delete cascade,
    purpose    text not null check (purpose in ('activation', 'password_reset', 'email_change')),
    token_hash bytea not null unique,
    email_id   uuid,                                         -- the mail that carries it: its own retries do not void each other
    expires_at timestamptz not null,
    used_at    timestamptz,
    voided_at  timestamptz,
    created_at timestamptz not null default now()
);
create index account_tokens_user on account_tokens (user_id, purpose);
create index account_tokens_expiry on account_tokens (expires_at);

insert into roles (code, label, permissions) values
    ('user', 'Client', '{}'),
    ('corrector', 'Correcteur', '{}'),
    ('student', 'Élève', '{}'),
    ('teacher', 'Enseignant', '{}'),
    ('employee', 'Collaborateur', '{}'),
    ('moderator', 'Modérateur', '{requests.manage}'),
    ('admin', 'Administrateur', '{*}');
