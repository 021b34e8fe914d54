"""Every error that SQS may give about keys or credentials says what to do."""

from __future__ import annotations

import pytest
from botocore.session import get_session

from gateway.adapters.sqs.credentials import SEARCH_SECONDS
from gateway.adapters.sqs.error_hints import IAM_PAGE, hint_for

MODEL = get_session().get_service_model("sqs")
KMS = [name for name in MODEL.shape_names if name.startswith("Kms")]


@pytest.mark.parametrize("code", KMS)
def test_each_kms_error_of_the_service_model_has_a_hint_of_its_own(code: str) -> None:
    hint = hint_for(code)
    assert hint.partition(":")[0] != "check the queue's KMS key"
    assert IAM_PAGE in hint


def test_a_kms_error_that_nobody_knows_yet_is_about_the_key_too() -> None:
    assert hint_for("KMS.NewException").startswith("check the queue's KMS key")


@pytest.mark.parametrize("code", [*SEARCH_SECONDS, "SignatureDoesNotMatch", "RequestExpired"])
def test_an_error_about_credentials_has_a_hint(code: str) -> None:
    assert hint_for(code)


@pytest.mark.parametrize("code", ["NoRegionError", "InvalidRegionError"])
def test_a_region_is_set_also_where_there_is_no_route(code: str) -> None:
    assert hint_for(code).startswith("set AWS_REGION in the environment, or region: on the route")
