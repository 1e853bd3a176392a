-- Payments by Stripe: what we asked for, what became of it, and what Stripe told us. No reference points at a row that may
-- arrive later: Stripe's objects come in any order.

-- One try to pay an order: its row is there before Stripe is asked for the page.
create table payments (
    id                       uuid primary key,
    order_id                 uuid not null references orders (id),
    amount_cents             bigint not null check (amount_cents > 0),
    currency                 char(3) not null,
    outcome                  text not null default 'pending'
        check (outcome in ('pending', 'processing', 'succeeded', 'failed', 'expired', 'cancelled', 'review')),
    refunded_cents           bigint not null default 0 check (refunded_cents >= 0), -- given back, or on its way back
    disputed                 boolean not null default false, -- a bank holds or has taken the money back
    stripe_session_id        text unique,
    stripe_payment_intent_id text unique,
    url                      text,                           -- the page; none once it has ended
    method                   text,                           -- card, sepa_debit …
    failure_code             text,
    failures                 integer not null default 0,
    expires_at               timestamptz not null,           -- the page's end
    synced_at                timestamptz,                    -- Stripe was asked then, and this is what it said
    succeeded_at             timestamptz,
    created_at               timestamptz not null default now(),
    updated_at               timestamptz not null default now(),
    status                   text not null generated always as (
        case when outcome <> 'succeeded' then outcome
             when disputed then 'disputed'
             when refunded_cents >= amount_cents then 'refunded'
             when refunded_cents > 0 then 'partially_refunded'
             else 'succeeded' end) stored
);
create index payments_order on payments (order_id, id);
-- One page at a time: two clicks share it.
create unique index payments_open on payments (order_id)
    where outcome = 'pending' or (outcome = 'failed' and url is not null);
create index payments_unsettled on payments (created_at) where outcome in ('pending', 'processing', 'failed');

create table refunds (
    id               uuid primary key,
    payment_id       uuid not null references payments (id),
    amount_cents     bigint not null check (amount_cents > 0),
    currency         char(3) not null,
    status           text not null check (status in ('requested', 'pending', 'succeeded', 'failed')),
    reason           text,                                   -- null: made in Stripe's dashboard
    stripe_refund_id text unique,
    failure_code     text,
    requested_by     uuid references users (id) on delete set null,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now()
);
create index refunds_payment on refunds (payment_id, id);
create index refunds_unsettled on refunds (created_at) where status in ('requested', 'pending');

create table disputes (
    id           text primary key,                           -- dp_… or du_…
    payment_id   uuid not null references payments (id),
    amount_cents bigint not null,
    currency     char(3) not null,
    status       text not null,                              -- Stripe's word
    reason       text,
    due_by       timestamptz,                                -- until when we may answer
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now()
);
create index disputes_payment on disputes (payment_id);

create table payment_methods (
    id                       uuid primary key,
    customer_id              uuid not null references customers (id) on delete cascade,
    stripe_payment_method_id text not null unique,
    type                     text not null,                  -- card, sepa_debit …
    brand                    text,
    last4                    text,
    exp_month                integer,
    exp_year                 integer,
    is_default               boolean not null default false,
    synced_at                timestamptz not null default now(),
    created_at               timestamptz not null default now()
);
create unique index payment_methods_default on payment_methods (customer_id) where is_default;
create index payment_methods_customer on payment_methods (customer_id, id);

-- Stripe's own invoices and subscriptions, mirrored; ours are other documents.
create table stripe_subscriptions (
    id                 text primary key,                     -- sub_…
    stripe_customer_id text,
    status             text not null,                        -- Stripe's word
    period_end         timestamptz,
    ends_with_period   boolean not null default false,
    synced_at          timestamptz not null
);
create table stripe_invoices (
    id                 text primary key,                     -- in_…
    stripe_customer_id text,
    subscription_id    text,
    status             text,                                 -- draft, open, paid, uncollectible, void
    total_cents        bigint not null,
    paid_cents         bigint not null,
    currency           char(3) not null,
    period_end         timestamptz,
    synced_at          timestamptz not null
);

-- Every event Stripe told us of, byte for byte. `bytea`: jsonb would refuse some and reorder all.
create table stripe_events (
    id           uuid primary key,
    event_id     text not null unique,                       -- evt_…
    type         text not null,
    livemode     boolean,
    account      text,
    api_version  text,
    object_type  text,
    object_id    text,
    created_at   timestamptz not null,                       -- at Stripe, to the second
    payload      bytea,                                      -- null: after its term, or nobody handles this type
    source       text not null check (source in ('webhook', 'reconcile', 'simulate')),
    deliveries   integer not null default 1,
    status       text not null default 'received'
        check (status in ('received', 'processed', 'ignored', 'unmatched', 'failed', 'quarantined')),
    error_code   text,
    replays      integer not null default 0,
    asked_at     timestamptz not null default now(),         -- received, or asked for again
    received_at  timestamptz not null default now(),
    processed_at timestamptz
);
create index stripe_events_type on stripe_events (type, received_at);
create index stripe_events_object on stripe_events (object_id) where object_id is not null;
create index stripe_events_open on stripe_events (status, received_at) where status not in ('processed', 'ignored');
create index stripe_events_payload on stripe_events (received_at) where payload is not null;

-- How far the sweep has read Stripe's list of events.
create table stripe_sweeps (
    name       text primary key,
    read_until timestamptz not null
);

-- What a refunded order was before: a refund that fails days later brings it back.
alter table orders add column refunded_from text;
