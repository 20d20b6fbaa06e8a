"""Accounts: the people and machines that log in, and what each of them may do.

A permission is a named right, such as ``orders.read_any``; a role is a set of permissions; an account may have several
roles, each limited to stations, agencies or channels. There are no levels: what a role may do stands in its set.
"""

from ais.accounts.domain import USER_TRANSITIONS, UserKind, UserStatus
from ais.accounts.roles import OPERATOR_PERMISSIONS, PERMISSIONS, ROLES

__all__ = ["OPERATOR_PERMISSIONS", "PERMISSIONS", "ROLES", "USER_TRANSITIONS", "UserKind", "UserStatus"]
