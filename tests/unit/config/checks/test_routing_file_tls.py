"""`tls` of a version: files that are there, are PEM and fit together, or a problem at load time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.config.loader import load
from gateway.config.problems.problem import ProblemsFound
from gateway.core.routing.version import Client, Tls

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.core.routing.version import Version

AUTHORITY = trustme.CA()
OURS, ANOTHER = (AUTHORITY.issue_cert(name) for name in ("gateway", "another"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.crt")
    OURS.cert_chain_pems[0].write_to_path(tmp_path / "tls.crt")
    OURS.private_key_pem.write_to_path(tmp_path / "tls.key")
    ANOTHER.private_key_pem.write_to_path(tmp_path / "another.key")
    (tmp_path / "garbled.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    return tmp_path


def version_of(tls: str, more: str = "") -> Version:
    text = f"""
routes:
  - name: orders
    queue: orders
    versions:
      stable:
        url: https://b.shop/
        tls: {tls}
        {more}
"""
    return load(text.encode(), "routes.yaml").routes[0].stable


def problem_of(tls: str) -> str:
    with pytest.raises(ProblemsFound) as caught:
        version_of(tls)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_version_has_its_own_files(folder: Path) -> None:
    tls = f"{{ca: {folder}/ca.crt, certificate: {folder}/tls.crt, key: {folder}/tls.key}}"
    version = version_of(tls, "client: httpx")
    paths = [f"{folder}/{name}" for name in ("ca.crt", "tls.crt", "tls.key")]
    assert version.tls == Tls(*paths)
    assert version.client is Client.HTTPX


def test_authorities_alone_do(folder: Path) -> None:
    assert version_of(f"{{ca: {folder}/ca.crt}}").tls == Tls(f"{folder}/ca.crt")


@pytest.mark.parametrize(
    ("one", "file", "other"), [("certificate", "crt", "key"), ("key", "key", "certificate")]
)
def test_a_certificate_needs_its_key_and_the_other_way_round(
    folder: Path, one: str, file: str, other: str
) -> None:
    said = problem_of(f"{{{one}: {folder}/tls.{file}}}")
    place = f"routes[0].versions.stable.tls.{one}"
    assert said == f"routes.yaml:8: {place}: needs a {other} beside it (add {other})"


def test_a_key_of_another_certificate_is_a_problem(folder: Path) -> None:
    said = problem_of(f"{{certificate: {folder}/tls.crt, key: {folder}/another.key}}")
    assert said.startswith(
        "routes.yaml:8: routes[0].versions.stable.tls.key: does not do with the certificate: "
        "key values mismatch"
    )


def test_authorities_that_cannot_be_read_are_a_problem(folder: Path) -> None:
    said = problem_of(f"{{ca: {folder}/garbled.pem}}")
    assert ".tls.ca: has no certificates: " in said
    said = problem_of(f"{{ca: {folder}/tls.key}}")
    assert ".tls.ca: has no certificate" in said


def test_a_key_with_a_password_is_a_problem_and_not_prompted_for(folder: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form

    key = form.load_pem_private_key(OURS.private_key_pem.bytes(), None)
    secret = form.BestAvailableEncryption(b"secret")
    locked = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, secret)
    (folder / "locked.key").write_bytes(locked)
    said = problem_of(f"{{certificate: {folder}/tls.crt, key: {folder}/locked.key}}")
    assert said.endswith("(a key with a password cannot be used)")


def test_a_pipe_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    assert ".tls.ca: is no PEM file" in problem_of(f"{{ca: {folder}/pipe}}")
