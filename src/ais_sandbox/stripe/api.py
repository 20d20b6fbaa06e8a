"""Stripe's API over HTTP: routes, authentication, and the envelope around every endpoint."""

import base64
import binascii
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ais_sandbox.http import CutConnection, Delayed, Hang, Reply, Request, Response
from ais_sandbox.storage import Storage
from ais_sandbox.stripe import (
    balance,
    captures,
    charges,
    checkout_sessions,
    disputes,
    events,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    webhook_endpoints,
)
from ais_sandbox.stripe.account import API_VERSION, Account, Call
from ais_sandbox.stripe.errors import Document, StripeError
from ais_sandbox.stripe.expansion import expand
from ais_sandbox.stripe.faults import FaultRule, FaultRules
from ais_sandbox.stripe.forms import decode_form
from ais_sandbox.stripe.idempotency import IdempotencyKeys, KeptAnswer, fingerprint_of
from ais_sandbox.stripe.ids import random_text
from ais_sandbox.stripe.parameters import Parameters

Endpoint = Callable[[Account, Call], Document]
_encode = msgspec.json.Encoder().encode
_VERSION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z_]+)?(; ?[a-z_]+=v[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint. `publishable` tells that a caller with the publishable key and a client secret may use it."""

    method: str
    pattern: re.Pattern[str]
    endpoint: Endpoint
    publishable: bool = False


def _route(method: str, path: str, endpoint: Endpoint, *, publishable: bool = False) -> Route:
    pattern = re.compile("/v1/" + path.replace("{id}", "(?P<id>[A-Za-z0-9_]+)"))
    return Route(method, pattern, endpoint, publishable)


ROUTES = (
    _route("POST", "payment_intents", payment_intents.create),
    _route("GET", "payment_intents", payment_intents.list_),
    _route("GET", "payment_intents/{id}", payment_intents.retrieve, publishable=True),
    _route("POST", "payment_intents/{id}", payment_intents.update),
    _route("POST", "payment_intents/{id}/confirm", payment_intents.confirm, publishable=True),
    _route("POST", "payment_intents/{id}/cancel", payment_intents.cancel),
    _route("POST", "payment_intents/{id}/capture", captures.capture),
    _route("GET", "payment_methods/{id}", payment_methods.retrieve),
    _route("GET", "charges", charges.list_),
    _route("GET", "charges/{id}", charges.retrieve),
    _route("POST", "charges/{id}", charges.update),
    _route("GET", "charges/{id}/refunds", charges.list_refunds),
    _route("POST", "refunds", refunds.create),
    _route("GET", "refunds", refunds.list_),
    _route("GET", "refunds/{id}", refunds.retrieve),
    _route("POST", "refunds/{id}", refunds.update),
    _route("POST", "refunds/{id}/cancel", refunds.cancel),
    _route("POST", "checkout/sessions", checkout_sessions.create),
    _route("GET", "checkout/sessions", checkout_sessions.list_),
    _route("GET", "checkout/sessions/{id}", checkout_sessions.retrieve),
    _route("POST", "checkout/sessions/{id}", checkout_sessions.update),
    _route("POST", "checkout/sessions/{id}/expire", checkout_sessions.expire),
    _route("GET", "checkout/sessions/{id}/line_items", checkout_sessions.list_line_items),
    _route("GET", "disputes", disputes.list_),
    _route("GET", "disputes/{id}", disputes.retrieve),
    _route("POST", "disputes/{id}", disputes.update),
    _route("POST", "disputes/{id}/close", disputes.close),
    _route("GET", "balance", balance.retrieve),
    _route("GET", "balance_transactions", balance.list_transactions),
    _route("GET", "balance_transactions/{id}", balance.retrieve_transaction),
    _route("POST", "payouts", payouts.create),
    _route("GET", "payouts", payouts.list_),
    _route("GET", "payouts/{id}", payouts.retrieve),
    _route("POST", "payouts/{id}", payouts.update),
    _route("POST", "webhook_endpoints", webhook_endpoints.create),
    _route("GET", "webhook_endpoints", webhook_endpoints.list_),
    _route("GET", "webhook_endpoints/{id}", webhook_endpoints.retrieve),
    _route("POST", "webhook_endpoints/{id}", webhook_endpoints.update),
    _route("DELETE", "webhook_endpoints/{id}", webhook_endpoints.delete),
    _route("GET", "events", events.list_),
    _route("GET", "events/{id}", events.retrieve),
)


@dataclass(slots=True)
class _Execution:
    """One authenticated request that is about to run."""

    call: Call
    endpoint: Endpoint
    path: str
    decoded: Document
    expand: list[str]
    version: str


class StripeApi:
    """Answers the requests under `/v1`."""

    def __init__(
        self,
        account: Account,
        keys: IdempotencyKeys,
        faults: FaultRules,
        api_key: str,
        on_change: Callable[[], None],
    ) -> None:
        """`on_change` is called after a request that may have left webhooks or transitions to do."""
        self._account = account
        self._storage: Storage = account.storage
        self._keys = keys
        self._faults = faults
        self._secret_key = api_key
        self._publishable_key = re.sub(r"^[sr]k_", "pk_", api_key)
        self._on_change = on_change

    def answer(self, request: Request) -> Reply:
        """The reply to one request, or the fault that takes its place."""
        request_id = f"req_{random_text(14)}"
        version = request.headers.get("stripe-version", API_VERSION)
        try:
            execution = self._prepare(request, request_id, version)
        except StripeError as error:
            return self._refusal(error, request_id, version)
        rule = self._faults.choose(request.method, request.path)
        return self._run(execution) if rule is None else self._misbehave(execution, rule)

    def _prepare(self, request: Request, request_id: str, version: str) -> _Execution:
        publishable = self._authenticate(request.headers.get("authorization", ""))
        if _VERSION.fullmatch(version) is None:
            raise StripeError(400, f"Invalid Stripe API version: {version}", executed=False)
        for route in ROUTES:
            found = route.pattern.fullmatch(request.path) if route.method == request.method else None
            if found is not None:
                break
        else:
            message = f"Unrecognized request URL ({request.method}: {request.path}). Please see "
            message += "https://stripe.com/docs or we can help at https://support.stripe.com/."
            raise StripeError(404, message, executed=False)
        if publishable and not route.publishable:
            message = "This API call cannot be made with a publishable API key. Please use a secret API key."
            raise StripeError(401, message, code="secret_key_required", executed=False)
        encoded = _form_of(request) if request.method == "POST" else request.query
        decoded = decode_form(encoded)
        parameters = Parameters(decoded)
        key = request.headers.get("idempotency-key") if request.method == "POST" else None
        call = Call(request.method, request.path, found.groupdict(), parameters, request_id, key or None, publishable)
        return _Execution(call, route.endpoint, request.path, decoded, parameters.take_list("expand"), version)

    def _authenticate(self, header: str) -> bool:
        """Whether the caller used the publishable key. `StripeError` 401 without a key that is ours."""
        scheme, _, given = header.partition(" ")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).decode().partition(":")[0]
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        elif scheme.lower() != "bearer":
            given = ""
        given = given.strip()
        if not given:
            message = "You did not provide an API key. You need to provide your API key in the Authorization header, "
            message += "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            raise StripeError(401, message, executed=False)
        if secrets.compare_digest(given.encode(), self._secret_key.encode()):
            return False
        if secrets.compare_digest(given.encode(), self._publishable_key.encode()):
            return True
        masked = given[:8] + "*" * max(0, len(given) - 12) + given[-4:] if len(given) > 12 else "*" * len(given)
        raise StripeError(401, f"Invalid API Key provided: {masked}", executed=False)

    def _misbehave(self, execution: _Execution, rule: FaultRule) -> Reply:
        request_id, version = execution.call.request_id, execution.version
        if rule.action == "rate_limit":
            message = "Request rate limit exceeded. You can learn more about rate limits here "
            message += "https://stripe.com/docs/rate-limits."
            error = StripeError(429, message, code="rate_limit", executed=False)
            return self._refusal(error, request_id, version)
        if rule.action == "error_before":
            return self._refusal(_server_error(rule.status), request_id, version)
        if rule.action in {"hang_before", "cut_before"}:
            return Hang(rule.seconds) if rule.action == "hang_before" else CutConnection()
        if rule.action == "delay":
            return self._delay(execution, rule.seconds)
        kept_error = _server_error(rule.status) if rule.action == "error_after" and rule.kept == "error" else None
        self._run(execution, kept_error)
        if rule.action == "hang_after":
            return Hang(rule.seconds)
        if rule.action == "cut_after":
            return CutConnection()
        refusal = self._refusal(_server_error(rule.status), request_id, version)
        if kept_error is not None and execution.call.idempotency_key is not None:
            # The kept error is all that a repeat could get, so that Stripe asks its clients not to repeat.
            refusal.headers.append(("Stripe-Should-Retry", "false"))
        return refusal

    def _delay(self, execution: _Execution, seconds: float) -> Reply:
        key = execution.call.idempotency_key
        if key is not None:
            try:
                self._keys.claim(key)
            except StripeError as error:
                return self._refusal(error, execution.call.request_id, execution.version)

        resets = self._account.resets

        def run() -> Reply:
            if key is not None:
                self._keys.release(key)
            # After a reset this request would work on an account that it was not meant for.
            return self._run(execution) if self._account.resets == resets else CutConnection()

        return Delayed(seconds, run)

    def _run(self, execution: _Execution, kept_error: StripeError | None = None) -> Response:
        """Execute, or answer again what is kept under the key. `kept_error` is kept instead of the true answer."""
        call = execution.call
        if call.method == "GET":
            status, body, _ = self._execute(execution)
            return self._response(status, body, call.request_id, execution.version)
        key = call.idempotency_key
        headers: list[tuple[str, str]] = []
        try:
            if key is not None:
                headers = [("Idempotency-Key", key), ("Original-Request", call.request_id)]
                self._keys.refuse_if_in_use(key)
            with self._storage.transaction():
                kept = self._kept(execution, key)
                if kept is not None:
                    headers = [("Idempotency-Key", key or ""), ("Original-Request", kept.request_id)]
                    headers.append(("Idempotent-Replayed", "true"))
                    return self._response(kept.status, kept.body, call.request_id, execution.version, headers)
                status, body, executed = self._execute(execution)
                if key is not None and executed:
                    answer = KeptAnswer(status, body, call.request_id)
                    if kept_error is not None:
                        answer = KeptAnswer(kept_error.status, _error_body(kept_error), call.request_id)
                    self._keys.keep(key, execution.path, fingerprint_of(execution.decoded), answer)
        except StripeError as error:
            return self._refusal(error, call.request_id, execution.version)
        self._on_change()
        return self._response(status, body, call.request_id, execution.version, headers)

    def _kept(self, execution: _Execution, key: str | None) -> KeptAnswer | None:
        if key is None:
            return None
        return self._keys.find(key, execution.path, fingerprint_of(execution.decoded))

    def _execute(self, execution: _Execution) -> tuple[int, bytes, bool]:
        """Status, body, and whether the endpoint had begun its work; what a refusal undoes is undone."""
        connection = self._storage.connection
        writing = execution.call.method != "GET"
        if writing:
            connection.execute("SAVEPOINT endpoint")
        self._account.request = execution.call
        try:
            document = execution.endpoint(self._account, execution.call)
            if execution.call.client_secret_only:
                document = payment_intents.seen_by_client(document)
            outcome = (200, _encode(expand(self._account, document, execution.expand)), True)
        except StripeError as error:
            if writing and not error.keeps_changes:
                connection.execute("ROLLBACK TO endpoint")
            outcome = (error.status, _error_body(error), error.executed)
        finally:
            self._account.request = None
        if writing:
            connection.execute("RELEASE endpoint")
        return outcome

    def _refusal(self, error: StripeError, request_id: str, version: str) -> Response:
        response = self._response(error.status, _error_body(error), request_id, version)
        if error.status == 401:
            response.headers.append(("WWW-Authenticate", 'Basic realm="Stripe"'))
        return response

    def _response(
        self, status: int, body: bytes, request_id: str, version: str, headers: list[tuple[str, str]] | None = None
    ) -> Response:
        shown_version = version if _VERSION.fullmatch(version) else API_VERSION
        return Response(
            status,
            body,
            "application/json",
            [("Request-Id", request_id), ("Stripe-Version", shown_version), *(headers or [])],
        )


def _form_of(request: Request) -> str:
    content_type = request.headers.get("content-type", "application/x-www-form-urlencoded")
    if request.body and not content_type.startswith("application/x-www-form-urlencoded"):
        message = (
            f"Invalid request (check that your POST content type is application/x-www-form-urlencoded): {content_type}"
        )
        raise StripeError(400, message, executed=False)
    try:
        return request.body.decode("utf-8")
    except UnicodeDecodeError as error:
        message = "Invalid request: the body is not UTF-8."
        raise StripeError(400, message, executed=False) from error


def _server_error(status: int) -> StripeError:
    message = "Sorry! There was an error while talking to our servers. It was ordered from the sandbox."
    return StripeError(status, message, error_type="api_error")


def _error_body(error: StripeError) -> bytes:
    return _encode({"error": error.error})
