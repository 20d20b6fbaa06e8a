"""A stand-in for Stripe: the part of its API that a payment program calls, with the same words and refusals.

Vocabulary is Stripe's own: a payment intent is confirmed with a payment method and leaves charges, a charge is given
back by refunds or taken back by disputes, each movement of money is a balance transaction and leaves by payouts, each
change leaves an event, and events are posted as signed webhooks until they are accepted. A checkout session is a page
on which an intent is paid.

How it is laid out, and where a further resource goes:

- `api` holds the table of routes, authentication and the envelope (request ids, versions, idempotency). A new
  resource adds its routes there and a module of its own beside `payment_intents`, `charges` and `refunds`.
- `attempts` and `captures` take an intent's money; `reactions` tells what follows from which event, and what is done
  later; `pages`, `page_layout` and `page_texts` are what a person sees in a browser.
- `account` is the simulated account: its collections of objects, one clock, one source of ids. A new kind of object
  is one more line in `collections.KINDS`, which gives it a table, lists with pagination, and expansion.
- `events` and `deliveries` record and post what happened; `scheduled` finishes later what Stripe finishes later.
- `control` is not Stripe's: `/_sandbox/...` switches misbehaviour on (`switches`, `faults`) and reads the delivery log.

Invariants: a change and its events are one transaction; what was answered survives the death of the process; refunds
of a charge never exceed it; the balance is the sum of its transactions; a session is paid at most once; a webhook is
signed afresh at each attempt.
"""
