"""The passenger's shop: search, flights, travellers, order, my booking. One endpoint module per page.

The language stands in the path (``/ar``, ``/en``), so that every address can be sent to somebody and says what it
shows. A trip stands in the query, an offer is its own signed id, an order is opened by the browser's cookie.

One order whatever a person does: the form of an offer carries one idempotency key per browser and offer, so that a
double click, a reload, the way back and a second tab all mean the same order. One charge: see
:func:`ais.orders.pay_order`. After a form that succeeds the browser is sent on by 303; a form with mistakes is shown
again as it was filled in, and changes nothing.
"""
