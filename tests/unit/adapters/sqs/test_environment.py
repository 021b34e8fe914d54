"""A line end or blank that came into a variable by accident is told by the variable's name."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
from botocore.credentials import ReadOnlyCredentials
from structlog.testing import capture_logs

from gateway.adapters.sqs.clients import SqsClients
from gateway.adapters.sqs.environment import VariableError, check_keys, clean_environment
from gateway.adapters.sqs.native_source import NativeSqsSource
from gateway.adapters.sqs.sdk_source import SdkSqsSource
from gateway.core.addresses import parse_queue
from gateway.ports import SourceError
from tests.unit.adapters.sqs.scripted_sqs import REGION, scripted_sqs

if TYPE_CHECKING:
    from pathlib import Path

KINDS = pytest.mark.parametrize("kind", [NativeSqsSource, SdkSqsSource])
USUAL = {
    "AWS_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "sesame",
    "AWS_SESSION_TOKEN": "token",
}


async def opened(
    kind: Any, monkeypatch: pytest.MonkeyPatch, *, queue: str = "orders", **variables: str
) -> tuple[SourceError | None, list[str]]:
    """Open a queue and receive with these variables; return the error and what was logged."""
    async with scripted_sqs() as sqs:
        usual = {**USUAL, "AWS_ENDPOINT_URL_SQS": sqs.url, "AWS_EC2_METADATA_DISABLED": "true"}
        for name, value in {**usual, **variables}.items():
            monkeypatch.setenv(name, value)
        failed = None
        with capture_logs() as lines:
            async with SqsClients() as clients:
                source = kind(clients, parse_queue(queue))
                try:
                    await source.open()
                    await source.receive(1, 0, 30)
                    await kind(clients, parse_queue("another")).open()
                except SourceError as error:
                    failed = error
        return failed, [line["event"] for line in lines if line["log_level"] == "warning"]


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("around", ["{}\n", " {}", "\t{}\r\n"])
@KINDS
async def test_a_blank_around_a_value_is_stripped_and_told_once(
    kind: Any, name: str, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, told = await opened(kind, monkeypatch, **{name: around.format(USUAL[name])})
    assert failed is None
    (line,) = told
    assert line.startswith(f"{name} has a ")
    assert line.endswith("it is used without")
    assert USUAL[name] not in line


@pytest.mark.parametrize("name", USUAL)
@pytest.mark.parametrize("inside", ["ab\ncd", "ab cd"])
@KINDS
async def test_a_blank_inside_a_value_is_told_by_the_variable_s_name(
    kind: Any, name: str, inside: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, told = await opened(kind, monkeypatch, **{name: inside})
    kind_of_blank = "a line end" if "\n" in inside else "a blank"
    assert f"{name} has {kind_of_blank} inside, so it cannot be right" in told
    assert failed is not None
    assert name in str(failed)
    assert kind_of_blank in str(failed)
    assert "injection" not in str(failed)
    if name != "AWS_REGION":
        assert inside not in str(failed)
    assert failed.what_to_do
    assert "queue" not in failed.what_to_do


@pytest.mark.parametrize("name", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
@KINDS
async def test_authorities_that_cannot_be_read_name_the_variable_and_the_file(
    kind: Any, name: str, content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_text(content)
    failed, _ = await opened(kind, monkeypatch, **{name: str(file)})
    assert failed is not None
    assert f"{name}: {file}: " in str(failed)
    assert ("No such file" in str(failed)) is (content is None)
    assert "queue" not in failed.what_to_do


async def test_a_path_with_a_line_end_is_read_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "authorities.pem"
    (first,) = ssl.create_default_context().get_ca_certs(binary_form=True)[:1]
    file.write_text(ssl.DER_cert_to_PEM_cert(first))
    failed, told = await opened(NativeSqsSource, monkeypatch, AWS_CA_BUNDLE=f"{file}\n")
    assert failed is None
    assert told == ["AWS_CA_BUNDLE has a line end at its end; it is used without"]


@KINDS
async def test_a_token_file_that_is_not_there_names_its_variable(
    kind: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setitem(USUAL, name, "")
    variables = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
    }
    failed, _ = await opened(kind, monkeypatch, **variables)
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in str(failed)


def test_what_is_clean_or_not_of_aws_stays_as_it_is() -> None:
    environ = {**USUAL, "PATH": " /bin ", "AWS_PROFILE": "my profile", "AWS_ROLE_ARN": ""}
    before = dict(environ)
    assert list(clean_environment(environ)) == []
    assert environ == before


def test_a_variable_of_nothing_but_blanks_counts_as_not_set() -> None:
    environ = {"AWS_REGION": " \n"}
    assert list(clean_environment(environ)) == [
        "AWS_REGION has nothing but blanks in it; it counts as not set"
    ]
    assert environ == {}


def test_keys_that_no_variable_gave_say_where_they_come_from() -> None:
    with pytest.raises(VariableError, match=r"^access key \(from custom-process\): has a line end"):
        check_keys(ReadOnlyCredentials("a\n", "s", None), "custom-process")
