"""The routes of the shop, every page once a language. The OpenAPI document is the API's and names none of them."""

from __future__ import annotations

from ais.web.assets import read_asset
from ais.web.shop.booking import look_up, show_look_up
from ais.web.shop.cancel import ask_what_comes_back, give_up, show_cancellation
from ais.web.shop.flights import show_flights
from ais.web.shop.home import choose_language, show_home
from ais.web.shop.orders import choose_language_of_order, show_own_order
from ais.web.shop.payment import pay
from ais.web.shop.travellers import book, show_travellers

ROUTES = (
    choose_language,
    choose_language_of_order,
    read_asset,
    show_home,
    show_flights,
    show_travellers,
    book,
    show_own_order,
    pay,
    show_cancellation,
    ask_what_comes_back,
    give_up,
    show_look_up,
    look_up,
)
