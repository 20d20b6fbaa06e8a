"""What must hold of rights."""

from __future__ import annotations

from ais.platform.invariants import Invariant

INVARIANTS = (
    Invariant(
        "rights.nobody_signs_alone",
        "What is approved was signed by another person than asked for it.",
        """
        SELECT id, kind, subject, requested_by FROM approvals
        WHERE status = 'approved' AND resolved_by = requested_by
        """,
    ),
    Invariant(
        "rights.roles_were_signed",
        "A role that was not given by whoever runs the installation was signed for this account and role.",
        """
        SELECT held.id, held.user_id, held.role, held.granted_by FROM role_grants AS held
        LEFT JOIN approvals AS signed ON signed.id = held.approval_id
        WHERE held.granted_by NOT LIKE 'system:%'
          AND (signed.status, signed.kind, signed.payload ->> 'role')
              IS DISTINCT FROM ('approved', 'role_grant', held.role)
        """,
    ),
)
