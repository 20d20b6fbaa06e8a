"""The routes of accounts' pages, every page once a language."""

from __future__ import annotations

from ais.web.account.approvals import send_decision, show_approvals
from ais.web.account.own import end_own_session, show_account
from ais.web.account.password import (
    send_change,
    send_forgotten,
    send_new_password,
    show_change,
    show_forgotten,
    show_new_password,
)
from ais.web.account.proof import send_proof, show_proof
from ais.web.account.second_factor import send_removal, send_second_factor, show_removal
from ais.web.account.sign_in import (
    send_register,
    send_sign_in,
    send_sign_out,
    send_verify,
    show_register,
    show_sign_in,
    show_verify,
)

ROUTES = (
    show_account,
    end_own_session,
    show_sign_in,
    send_sign_in,
    send_sign_out,
    show_register,
    send_register,
    show_verify,
    send_verify,
    show_forgotten,
    send_forgotten,
    show_new_password,
    send_new_password,
    show_change,
    send_change,
    send_second_factor,
    show_removal,
    send_removal,
    show_proof,
    send_proof,
    show_approvals,
    send_decision,
)
