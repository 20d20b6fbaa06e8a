"""Stripe's error envelope and the refusals that several resources share."""

from typing import Any

Document = dict[str, Any]


class StripeError(Exception):
    """A refusal, answered as `{"error": {...}}` with an HTTP status.

    `executed` tells whether the endpoint had begun its work: only then does Stripe remember the answer under the
    request's idempotency key. `keeps_changes` tells that what was written before the refusal stays, as the failed
    charge of a declined card does.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        error_type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        executed: bool = True,
        keeps_changes: bool = False,
        extra: Document | None = None,
    ) -> None:
        """Hold the fields; `extra` are further members of the error object, such as `decline_code`."""
        super().__init__(message)
        self.status = status
        self.executed = executed
        self.keeps_changes = keeps_changes
        self.error: Document = {"message": message, "type": error_type}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = doc_url(code)
        if param is not None:
            self.error["param"] = param
        if extra:
            self.error.update(extra)


def doc_url(code: str) -> str:
    """Where Stripe explains an error code."""
    return f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"


def invalid_parameter(message: str, param: str, code: str | None = None) -> StripeError:
    """A parameter that does not fit, found before the endpoint began its work."""
    return StripeError(400, message, code=code, param=param, executed=False)


def missing_parameter(param: str) -> StripeError:
    """A required parameter is absent."""
    return invalid_parameter(f"Missing required param: {param}.", param, "parameter_missing")


def no_such(object_name: str, object_id: str, *, param: str, status: int = 404) -> StripeError:
    """An id that names nothing: 404 for one in the path, 400 for one among the parameters of most endpoints."""
    message = f"No such {object_name}: '{object_id}'"
    return StripeError(status, message, code="resource_missing", param=param, executed=False)


def unexpected_state(message: str, intent: Document, *, param: str | None = None) -> StripeError:
    """A call that the payment intent's status does not allow; the intent is part of the answer."""
    return StripeError(
        400, message, code="payment_intent_unexpected_state", param=param, extra={"payment_intent": intent}
    )
