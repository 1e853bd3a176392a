"""Stripe's Python library against the fake: sdk.py URL KEY VERSION. It fails when a call does, or when an answer lacks
what the library's types declare as always there, or holds a value that they do not know."""

import sys
import typing

import stripe

url, key, version = sys.argv[1:]
client = stripe.StripeClient(
    key, stripe_version=version, base_addresses={"api": url}, max_network_retries=0
)
v1 = getattr(client, "v1", client)
faults, seen = set(), {}


def hints(cls):
    """Declared fields. The library's modules import their types for checkers only, so each is resolved on its own."""
    module = vars(sys.modules[cls.__module__])
    names = {**vars(typing), **module, **vars(stripe), **vars(cls)}
    for name, declared in getattr(cls, "__annotations__", {}).items():
        if name.startswith("_") or name in ("OBJECT_NAME",):
            continue
        try:
            yield name, eval(declared, names) if isinstance(declared, str) else declared
        except Exception:
            yield name, typing.ForwardRef(str(declared))


def judge(value, declared, path):
    if isinstance(declared, typing.ForwardRef):
        declared = declared.__forward_arg__
    if isinstance(declared, str):
        return value is not None or declared.startswith("Optional") or faults.add(f"{path}: missing")
    origin, args = typing.get_origin(declared), typing.get_args(declared)
    if origin is typing.Union:
        if value is None and type(None) not in args:
            faults.add(f"{path}: null")
        options = [arg for arg in args if arg is not type(None)]
        # `Union[Literal[…], str]`: the values known today.
        options = [arg for arg in options if typing.get_origin(arg) is typing.Literal] or options
        if value is not None and len(options) == 1:
            judge(value, options[0], path)
    elif value is None:
        faults.add(f"{path}: null or missing")
    elif origin is typing.Literal:
        if value not in args:
            faults.add(f"{path}: {value!r} is none of {args}")
    elif declared in (int, str, bool):
        if type(value) is not declared:
            faults.add(f"{path}: {value!r} is no {declared.__name__}")
    elif isinstance(declared, type) and issubclass(declared, stripe.StripeObject) and isinstance(value, stripe.StripeObject):
        look(value, declared, path)


def look(value, cls, path):
    for name, declared in hints(cls):
        optional = "Optional" in str(declared) or "NotRequired" in str(declared)
        if hasattr(value, name) or not optional:
            judge(getattr(value, name, None), declared, f"{path}.{name}")


def check(item):
    seen[item["object"]] = seen.get(item["object"], 0) + 1
    look(item, type(item), item["object"])
    if item["object"] == "event":
        check(item.data.object)
    return item


customer = check(v1.customers.create({"email": "sdk@example.org", "metadata": {"a": "b"}}))
check(v1.customers.update(customer.id, {"name": "Éva", "metadata": {"a": ""}}))
product = check(v1.products.create({"name": "Relecture"}))
price = check(v1.prices.create({"currency": "jpy", "unit_amount": 1500, "product": product.id}))
session = check(
    v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://shop.test/{CHECKOUT_SESSION_ID}",
            "customer": customer.id,
            "line_items": [{"price": price.id, "quantity": 2}],
        },
        {"idempotency_key": "sdk-1"},
    )
)
assert session.amount_total == 3000, session
try:
    v1.refunds.create({"charge": "ch_none"})
    raise SystemExit("a refund of nothing")
except stripe.InvalidRequestError as error:
    assert error.code == "resource_missing" and error.http_status == 404 and error.request_id, error
try:
    v1.products.create({"name": "Autre"}, {"idempotency_key": "sdk-1"})
    raise SystemExit("a key twice")
except stripe.IdempotencyError as error:
    assert error.http_status == 400, error

for service in (
    v1.charges, v1.customers, v1.disputes, v1.events, v1.invoices, v1.payment_intents, v1.prices, v1.products,
    v1.refunds, v1.subscriptions, v1.checkout.sessions,
):
    found = service.list({"limit": 100})
    assert found.data, service
    for item in found.data:
        check(item)
    check(service.retrieve(found.data[0].id))
for item in v1.payment_methods.list({"limit": 100}).data:
    check(item)

print(f"stripe {stripe.VERSION} read " + ", ".join(f"{count} {kind}" for kind, count in sorted(seen.items())))
for fault in sorted(faults):
    print(fault)
sys.exit(1 if faults else 0)
