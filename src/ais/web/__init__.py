"""Pages for people, made on the server: the shop, in Arabic (right to left) and English.

A page calls the same front doors and use cases as the API; no rule lives in a page, and no page calls ours over HTTP.
Everything works without JavaScript; htmx and one small script make it smoother where they run.

Parts that all pages share: ``translation`` (sentences, from ``ar.po``), ``formats`` (money, dates, times), ``assets``
(files under a name that changes with their content), ``session`` (one cookie: which orders this browser may open, and
the tokens of its forms), ``rendering`` (templates and the headers that every page carries). Each folder of pages has an
endpoint module per page: ``shop`` is the passenger's.

Nothing comes from another host: fonts, scripts and pictures lie in ``static`` with their licences.
"""
