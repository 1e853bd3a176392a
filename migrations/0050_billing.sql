-- The shop: who buys, what there is, what was ordered. Amounts are whole minor units of the row's currency.
create sequence order_numbers;

create table customers (
    id                 uuid primary key,
    user_id            uuid unique references users (id) on delete set null, -- null: a guest
    email              citext not null,
    locale             text not null default 'fr' check (locale in ('fr', 'en')),
    legal_name         text not null,
    vat_number         text,
    company_number     text,                                 -- SIREN or SIRET
    address_line1      text not null default '',
    address_line2      text not null default '',
    postal_code        text not null default '',
    city               text not null default '',
    country_code       text not null default 'FR' check (country_code ~ '^[A-Z]{2}$'),
    stripe_customer_id text unique,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now()
);

create table products (
    id                uuid primary key,
    slug              text not null unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    name              text not null,
    description       text not null default '',
    unit_price_cents  bigint not null check (unit_price_cents > 0),          -- net
    currency          char(3) not null,
    vat_rate          numeric(5, 2) not null check (vat_rate between 0 and 100),
    vat_category      text not null check (vat_category in ('S', 'Z', 'E', 'AE', 'O')), -- EN 16931, code list UNCL 5305
    category          text,                                  -- a word to sort it by
    stock_quantity    integer check (stock_quantity >= 0),   -- null: unlimited
    is_active         boolean not null default true,         -- false: archived
    position          integer not null default 0,
    version           integer not null default 1,            -- + 1 at every change but those of the stock
    stripe_product_id text,
    stripe_price_id   text,
    synced_version    integer,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    constraint products_vat check ((vat_category = 'S') = (vat_rate > 0))
);
create index products_catalogue on products (position, id) where is_active;

create table orders (
    id                uuid primary key,
    number            text unique,                           -- null: a cart
    customer_id       uuid not null references customers (id),
    title             text not null default '',
    description       text not null default '',
    status            text not null check (status in ('cart', 'pending', 'paid', 'in_progress', 'delivered', 'completed',
                                                      'suspended', 'cancelled', 'expired', 'refunded')),
    assignee_id       uuid references users (id) on delete set null, -- a corrector
    priority          text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    client_note       text,
    worker_note       text,
    due_at            timestamptz,
    delivered_at      timestamptz,
    currency          char(3) not null,
    total_net_cents   bigint not null check (total_net_cents >= 0),
    total_vat_cents   bigint not null check (total_vat_cents >= 0),
    total_gross_cents bigint not null check (total_gross_cents = total_net_cents + total_vat_cents),
    token_hash        bytea,                                 -- SHA-256 of a guest's order token
    placed_at         timestamptz,
    paid_at           timestamptz,
    completed_at      timestamptz,
    expires_at        timestamptz,
    version           integer not null default 1,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    check (status = 'cart' or (number is not null and placed_at is not null))
);
create index orders_customer on orders (customer_id, id);
create index orders_status on orders (status, id);
create index orders_assignee on orders (assignee_id, id) where assignee_id is not null;

-- What was bought, as it was when it was ordered: a later price changes nothing here.
create table order_lines (
    id               uuid primary key,
    order_id         uuid not null references orders (id) on delete cascade,
    product_id       uuid not null references products (id),
    position         integer not null,
    name             text not null,
    description      text not null default '',
    quantity         numeric(12, 3) not null check (quantity > 0 and quantity = trunc(quantity)), -- whole pieces so far
    unit_price_cents bigint not null,                        -- net
    vat_rate         numeric(5, 2) not null,
    vat_category     text not null check (vat_category in ('S', 'Z', 'E', 'AE', 'O')),
    reserved         integer not null default 0 check (reserved >= 0), -- pieces this line holds of the stock
    unique (order_id, position),
    unique (order_id, product_id)
);
create index order_lines_product on order_lines (product_id);

update roles set permissions = array_append(permissions, 'orders.work')
where code = 'corrector' and not 'orders.work' = any(permissions);
