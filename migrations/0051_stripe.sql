-- Calls that create something at Stripe: the key of each is committed before it is sent, and repeated with the call.
create table outgoing_calls (
    idempotency_key text primary key,                        -- purpose:subject:generation
    purpose         text not null,
    subject         text not null,                           -- our row's id
    generation      integer not null,
    params_hash     bytea not null,                          -- SHA-256 of path and form
    state           text not null default 'sent' check (state in ('sent', 'done', 'refused')),
    request_id      text,                                    -- Stripe's name of the last answer
    provider_id     text,                                    -- what was created
    error_code      text,
    first_sent_at   timestamptz not null default now(),
    settled_at      timestamptz,
    unique (purpose, subject, generation)
);
create index outgoing_calls_age on outgoing_calls (settled_at) where settled_at is not null;
