"""Every answer of the program is one that its OpenAPI document declares, whatever is asked; and every route answers.

A state machine calls all operations in any order. It links them: offers of searches are read and ordered, orders are
read, listed, looked up and paid by their buyers, people sign in and out, ask and sign, and the signed messages of the
provider arrive. Between these stand requests that Schemathesis makes up from the document, right and wrong, alone and
grafted onto sound ones, with the credentials of everybody who may call: a traveller, an agency's user and its key,
several kinds of staff, the operator, and nobody.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.factories.people_at_large import People
from tests.factories.sound_accounts import SPENDING, Parts
from tests.factories.sound_requests import MADE_BY, SoundRequests, search

LEAST_SUCCESSES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
MODES = st.sampled_from((GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE))


class Tally:
    """What was answered, by operation and status."""

    def __init__(self, operations: Iterable[str]) -> None:
        self.answers: dict[str, Counter[int]] = {name: Counter() for name in operations}

    def successes(self, operation: str) -> int:
        return sum(count for status, count in self.answers[operation].items() if 200 <= status < 300)

    def table(self) -> str:
        lines = [f"{'operation':<28} {'2xx':>5} {'all':>5}  by status"]
        for operation, statuses in sorted(self.answers.items()):
            by_status = " ".join(f"{status}:{count}" for status, count in sorted(statuses.items()))
            lines.append(f"{operation:<28} {self.successes(operation):>5} {statuses.total():>5}  {by_status}")
        return "\n".join(lines)


class Calls:
    """Calls operations, checks each answer against the document and counts it."""

    def __init__(self, schema: Any, people: People) -> None:
        self.operations = {
            operation.definition.raw["operationId"]: operation
            for operation in (result.ok() for result in schema.get_all_operations())
        }
        self.tally = Tally(self.operations)
        self.people = people
        self.sound_requests = SoundRequests(people)

    def made_up(self) -> st.SearchStrategy[tuple[str, Any]]:
        """Any operation with a request that the document allows, or one that it does not."""

        def case_of(mode: GenerationMode, name: str) -> st.SearchStrategy[tuple[str, Any]]:
            operation = self.operations[name]
            raw = operation.definition.raw
            if not (raw.get("parameters") or raw.get("requestBody")):
                mode = GenerationMode.POSITIVE  # nothing is said that a request could break
            return operation.as_strategy(generation_mode=mode).map(lambda case: (name, case))

        return st.tuples(MODES, st.sampled_from(sorted(self.operations))).flatmap(lambda chosen: case_of(*chosen))

    def credentials(self, name: str, caller: str) -> dict[str, str]:
        """What a caller of that kind sends with this operation."""
        return self.people.spare(caller) if name in SPENDING else self.people.headers[caller]

    def call(self, name: str, case: Any, headers: dict[str, str] | None = None) -> Any:
        response = case.call(headers=headers)
        self.tally.answers[name][response.status_code] += 1
        case.validate_response(response, checks=CHECKS)
        is_json = "application/json" in response.headers.get("content-type", [""])[0]
        return response.json() if is_json and response.status_code in {200, 201, 202} else None

    def sound(self, name: str, parts: Parts) -> Any:
        if "content" in parts:
            case = self.operations[name].Case(headers=parts["headers"])
            url = case.as_transport_kwargs()["url"]
            response = requests.post(url, parts["content"], headers=parts["headers"], timeout=30)
            self.tally.answers[name][response.status_code] += 1
            case.validate_response(response, checks=CHECKS)
            return None
        body = {"media_type": "application/json"} if "body" in parts else {}
        return self.call(name, self.operations[name].Case(**{"headers": {}, **parts, **body}))

    def linked(self, name: str, seed: int) -> None:
        """A sound request, made of earlier answers, whose answer serves later ones."""
        chance = random.Random(seed)
        parts = self.sound_requests.request(name, chance)
        if parts is None and name in MADE_BY:
            for maker in MADE_BY[name]:
                self.linked(maker, seed)
            parts = self.sound_requests.request(name, chance)
        if parts is not None:
            answer = self.sound(name, parts)
            if answer is not None:
                self.sound_requests.remember(name, parts, answer)

    def grafted(self, name: str, case: Any, caller: str, seed: int) -> None:
        """A sound request with one part of it replaced: by what was made up, or by the credentials of another."""
        chance = random.Random(seed)
        parts = self.sound_requests.request(name, chance)
        if parts is None:
            return
        if "content" not in parts and chance.random() < 0.3:
            parts["headers"] = {**parts.get("headers", {}), **self.credentials(name, caller)}
        elif isinstance(parts.get("body"), dict) and isinstance(case.body, dict) and case.body:
            field = chance.choice(sorted(case.body))
            parts["body"] = {**parts["body"], field: case.body[field]}
        elif parts.get("path_parameters"):
            case.path_parameters, case.headers = parts["path_parameters"], parts.get("headers", {})
            self.call(name, case)
            return
        elif case.query:
            parts["query"] = dict(case.query)
        self.sound(name, parts)


def machine_for(calls: Calls) -> type[RuleBasedStateMachine]:
    """The state machine over all operations of the document."""
    made_up, names, seeds = calls.made_up(), st.sampled_from(sorted(calls.operations)), st.integers(0, 10_000)
    callers = st.sampled_from(sorted(calls.people.headers))

    class Caller(RuleBasedStateMachine):
        @rule(made=made_up, caller=callers)
        def anything(self, made: tuple[str, Any], caller: str) -> None:
            calls.call(*made, calls.credentials(made[0], caller))

        @rule(made=made_up, caller=callers, seed=seeds)
        def grafted(self, made: tuple[str, Any], caller: str, seed: int) -> None:
            calls.grafted(*made, caller, seed)

        @rule(name=names, seed=seeds)
        def linked(self, name: str, seed: int) -> None:
            calls.linked(name, seed)

    return Caller


@pytest.fixture(scope="module")
def people(program):
    with People(program) as people:
        yield people


@pytest.fixture
def calls(program, people):
    load_all_checks()
    return Calls(schemathesis.openapi.from_url(f"{program.web[0].url}/schema/openapi.json"), people)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("examples", [16, pytest.param(250, marks=pytest.mark.slow)])
def test_no_answer_is_outside_the_document_and_every_operation_succeeds_by_linked_calls(calls, people, examples):
    people.sign_in()
    run_state_machine_as_test(
        machine_for(calls),
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            derandomize=True,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
    tally = calls.tally
    for turn in range(5 * LEAST_SUCCESSES):
        for name in calls.operations:
            if tally.successes(name) < LEAST_SUCCESSES:
                calls.linked(name, turn)
    print(f"\n{tally.table()}")
    few = {name: tally.successes(name) for name in tally.answers if tally.successes(name) < LEAST_SUCCESSES}
    assert few == {}, few


@pytest.mark.parametrize("damage", ["less", "more", "other", "status"])
def test_control_an_answer_that_the_document_does_not_declare_is_found(calls, damage):
    case = calls.operations["search_offers"].Case(body=search(random.Random(3)), media_type="application/json")
    response = requests.post(case.as_transport_kwargs()["url"], json=case.body, timeout=30)
    case.validate_response(response, checks=CHECKS)
    answer = response.json()
    assert answer["offers"]
    match damage:
        case "less":
            del answer["offers"][0]["slices"][0]["segments"][0]["booking_class"]
        case "more":
            answer["offers"].append("not an offer")
        case "other":
            answer["offers"][0]["passengers"][0]["total"]["amount"] = 12.5
        case "status":
            response.status_code = 418
    response._content = json.dumps(answer).encode()
    with pytest.raises(FailureGroup):
        case.validate_response(response, checks=CHECKS)


def test_every_list_of_the_document_has_one_kind_of_item_and_every_body_names_all_it_takes(program):
    document = requests.get(f"{program.web[0].url}/schema/openapi.json", timeout=30).json()
    schemas = document["components"]["schemas"]
    assert {} not in list(_inside(schemas))
    bodies = [
        operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/")[-1]
        for item in document["paths"].values()
        for operation in item.values()
        if "requestBody" in operation
    ]
    assert {*bodies} == {
        "AgencyRequest",
        "AgencyUserRequest",
        "ApiKeyRequest",
        "BeginSecondFactorRequest",
        "CancellationQuoteRequest",
        "CodeRequest",
        "ConfirmationRequest",
        "CountRequest",
        "CreditLimitRequest",
        "ErasureRequest",
        "GrantRequest",
        "LinkRequest",
        "LoginRequest",
        "LogoutRequest",
        "LookupRequest",
        "NewPasswordRequest",
        "OfficeRequest",
        "OrderNamed",
        "OrderRequest",
        "PasswordRequest",
        "PayOutRequest",
        "PersonErasureRequest",
        "PersonRequest",
        "PaymentRequest",
        "RefreshRequest",
        "RegisterRequest",
        "RemoveSecondFactorRequest",
        "ReplayRequest",
        "ResetRequest",
        "RetryRequest",
        "RevocationRequest",
        "SearchRequest",
        "ShiftRequest",
        "SignRequest",
        "StepUpRequest",
        "TopUpRequest",
        "TravelCreditLookup",
        "VerifyRequest",
        "VoidRequest",
        "WriteOffRequest",
    }
    assert [name for name in bodies if schemas[name].get("additionalProperties") is not False] == []


def _inside(value: Any) -> Iterable[Any]:
    """All schemas that stand for the items of a list, or for a choice of kinds."""
    if isinstance(value, list):
        for each in value:
            yield from _inside(each)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key == "items" and isinstance(inner, dict):
                yield inner
            if key in {"oneOf", "anyOf"}:
                yield from inner
            yield from _inside(inner)
