"""Accounts: the people and machines that log in, and what each of them may do.

A *user* is an account: of a traveller, of somebody who works for an agency, or of the airline's staff. A *session* is
one sign-in, of a phone or program (tokens) or of a browser (a cookie); both kinds stand in one table and end in one
way. An access token only names its session: what the session may do is read anew every second, so that whoever is
signed out, locked or has lost a role is refused within a second everywhere. A refresh token works once.

A permission is a named right, such as ``orders.read_any``; a role is a set of permissions; an account may have several
roles, each limited to stations, agencies or channels. There are no levels: what a role may do stands in its set.

A matter that one person may not decide alone (a role, a large refund, a waived penalty) is an *approval*: asked for by
one, signed by another, and carried out in the transaction of the signature. Machines call by an *API key*.

Use cases lock an approval's row before all others, and the user's row before those of its sessions and links.
"""

from ais.accounts.checks import SessionChecks
from ais.accounts.devices import Device, device_of
from ais.accounts.domain import USER_TRANSITIONS, Grant, LinkPurpose, Origin, SessionKind, User, UserKind, UserStatus
from ais.accounts.door import DEVICE_COOKIE, PAGE_COOKIE, Accounts
from ais.accounts.errors import (
    AccountExists,
    AccountNotFound,
    LinkOver,
    SecondFactorConflict,
    SecondFactorNeeded,
    SessionNotFound,
    SignInRefused,
    TooManyTries,
)
from ais.accounts.events import (
    AddressVerified,
    ApprovalRequested,
    LinkAsked,
    PasswordChanged,
    RefreshTokenReused,
    SecondFactorAdded,
    SecondFactorRemoved,
    SignedInFromNewDevice,
)
from ais.accounts.invariants import INVARIANTS
from ais.accounts.passwords import TOO_SHORT, TOO_WEAK, Passwords
from ais.accounts.ports import AgencyCodes
from ais.accounts.repository.lookups import count_lookups, forget_claims
from ais.accounts.rights.approvals import (
    ApprovalDesk,
    approval_answer,
    approvals_for,
    ask_approval,
    decline,
    open_approvals,
    sign,
)
from ais.accounts.rights.domain import APPROVAL_TRANSITIONS, STAFF_ROLES, Approval, ApprovalKind, ApprovalStatus
from ais.accounts.rights.errors import ApprovalConflict, ApprovalNotFound, SecondPersonNeeded
from ais.accounts.rights.grants import give_or_ask, roles_of, take_or_ask
from ais.accounts.rights.keys import ApiKeys
from ais.accounts.rights.schemas import ApprovalBody
from ais.accounts.rights.telling import SignerLetter, letter_to_signer, signers_of
from ais.accounts.roles import OPERATOR_PERMISSIONS, PERMISSIONS, ROLES
from ais.accounts.service.erasure import account_data, address_lookup_of, erase_user, find_user_id, lock_for_erasure
from ais.accounts.service.letters import (
    AccountLetter,
    LetterKind,
    SessionLetter,
    letter_of_link,
    letter_of_session,
    letter_to_user,
)
from ais.accounts.service.lookups import rewrite_account_lookups, rewrite_registration_lookups
from ais.accounts.service.plumbing import AccountServices, Policy, open_email, public_id, session_of
from ais.accounts.service.profile import OwnAccount, names_of_staff, own_account
from ais.accounts.service.register import create_user, is_open, register, verify_address
from ais.accounts.service.reset import ask_reset, change_password, reset_password
from ais.accounts.service.second_factor import (
    authenticator_address,
    begin_second_factor,
    confirm_second_factor,
    remove_second_factor,
    step_up,
)
from ais.accounts.service.sessions import SessionShown, own_sessions, revoke_session, revoke_sessions
from ais.accounts.service.sign_in import SignedIn, sign_in, sign_out
from ais.accounts.service.staff import (
    Account,
    find_account,
    grant_role,
    have_accounts,
    list_accounts,
    reset_second_factor,
    set_locked,
)
from ais.accounts.tokens import AccountTokens, SessionRef

__all__ = [
    "APPROVAL_TRANSITIONS",
    "DEVICE_COOKIE",
    "INVARIANTS",
    "OPERATOR_PERMISSIONS",
    "PAGE_COOKIE",
    "PERMISSIONS",
    "ROLES",
    "STAFF_ROLES",
    "TOO_SHORT",
    "TOO_WEAK",
    "USER_TRANSITIONS",
    "Account",
    "AccountExists",
    "AccountLetter",
    "AccountNotFound",
    "AccountServices",
    "AccountTokens",
    "Accounts",
    "AddressVerified",
    "AgencyCodes",
    "ApiKeys",
    "Approval",
    "ApprovalBody",
    "ApprovalConflict",
    "ApprovalDesk",
    "ApprovalKind",
    "ApprovalNotFound",
    "ApprovalRequested",
    "ApprovalStatus",
    "Device",
    "Grant",
    "LetterKind",
    "LinkAsked",
    "LinkOver",
    "LinkPurpose",
    "Origin",
    "OwnAccount",
    "PasswordChanged",
    "Passwords",
    "Policy",
    "RefreshTokenReused",
    "SecondFactorAdded",
    "SecondFactorConflict",
    "SecondFactorNeeded",
    "SecondFactorRemoved",
    "SecondPersonNeeded",
    "SessionChecks",
    "SessionKind",
    "SessionLetter",
    "SessionNotFound",
    "SessionRef",
    "SessionShown",
    "SignInRefused",
    "SignedIn",
    "SignedInFromNewDevice",
    "SignerLetter",
    "TooManyTries",
    "User",
    "UserKind",
    "UserStatus",
    "account_data",
    "address_lookup_of",
    "approval_answer",
    "approvals_for",
    "ask_approval",
    "ask_reset",
    "authenticator_address",
    "begin_second_factor",
    "change_password",
    "confirm_second_factor",
    "count_lookups",
    "create_user",
    "decline",
    "device_of",
    "erase_user",
    "find_account",
    "find_user_id",
    "forget_claims",
    "give_or_ask",
    "grant_role",
    "have_accounts",
    "is_open",
    "letter_of_link",
    "letter_of_session",
    "letter_to_signer",
    "letter_to_user",
    "list_accounts",
    "lock_for_erasure",
    "names_of_staff",
    "open_approvals",
    "open_email",
    "own_account",
    "own_sessions",
    "public_id",
    "register",
    "remove_second_factor",
    "reset_password",
    "reset_second_factor",
    "revoke_session",
    "revoke_sessions",
    "rewrite_account_lookups",
    "rewrite_registration_lookups",
    "roles_of",
    "session_of",
    "set_locked",
    "sign",
    "sign_in",
    "sign_out",
    "signers_of",
    "step_up",
    "take_or_ask",
    "verify_address",
]
