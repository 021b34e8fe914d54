"""Where the API server is and how it is called; every mistake is told with its place."""

from __future__ import annotations

import base64
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
import yaml

from gateway.adapters.kubernetes.access import in_cluster
from gateway.adapters.kubernetes.client import KEEPALIVE, open_socket
from gateway.adapters.kubernetes.errors import KubernetesError
from gateway.adapters.kubernetes.kubeconfig import find_access

if TYPE_CHECKING:
    from pathlib import Path

AUTHORITY = trustme.CA()
LEAF = AUTHORITY.issue_cert("localhost")
CA_PEM = AUTHORITY.cert_pem.bytes().decode()


def kubeconfig(
    folder: Path,
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, str]:
    content = {
        "current-context": "here",
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}
        ],
        "clusters": [{"name": "c", "cluster": cluster or {"server": "https://k:6443"}}],
        "users": [{"name": "u", "user": {"token": "secret"} if user is None else user}],
        **more,
    }
    (folder / "config").write_text(yaml.safe_dump(content))
    return {"KUBECONFIG": str(folder / "config")}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    (tmp_path / "namespace").write_text("shop\n")
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "ca.crt").write_text(CA_PEM)
    return tmp_path


@pytest.mark.parametrize(
    ("host", "server"),
    [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")],
)
def test_a_pod_finds_the_api_by_its_environment(account: Path, host: str, server: str) -> None:
    """An IPv6 address gets brackets."""
    environment = {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}
    access = in_cluster(environment, account)
    assert (access.server, access.namespace) == (server, "shop")


def test_token_and_authority_are_read_anew(account: Path) -> None:
    """A kubelet replaces the token each hour, and the authority when it is rotated."""
    environment = {"KUBERNETES_SERVICE_HOST": "k", "KUBERNETES_SERVICE_PORT": "443"}
    access = in_cluster(environment, account)
    context = access.read_context()
    assert access.read_token() == "first"
    assert access.read_context() is context
    (account / "token").write_text("second")
    (account / "ca.crt").write_text(trustme.CA().cert_pem.bytes().decode())
    assert access.read_token() == "second"
    assert access.read_context() is not context


def test_what_is_written_in_the_kubeconfig_itself_is_read_anew_too(tmp_path: Path) -> None:
    """A person replaces an expired token where it is; the namespace stays the one of the start."""
    authority = base64.b64encode(CA_PEM.encode()).decode()
    cluster = {"server": "https://k:6443", "certificate-authority-data": authority}
    access = find_access(kubeconfig(tmp_path, cluster))
    access.refresh()
    context = access.read_context()
    assert access.read_token() == "secret"
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    cluster = {"server": "https://other:6443", "certificate-authority-data": other}
    kubeconfig(tmp_path, cluster, {"token": "renewed"})
    access.refresh()
    assert (access.read_token(), access.server) == ("renewed", "https://other:6443")
    assert access.read_context() is not context
    (tmp_path / "config").write_text("current-context: gone")
    for _ in range(2):
        with pytest.raises(KubernetesError, match="contexts has no 'gone'"):
            access.refresh()
    assert access.namespace == "shop"


def test_of_a_token_and_a_file_with_one_the_file_counts_as_for_kubectl(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("newer")
    user = {"token": "older", "tokenFile": "t"}
    assert find_access(kubeconfig(tmp_path, user=user)).read_token() == "newer"


def test_a_connection_is_probed_while_it_is_silent() -> None:
    """Where the API server's host vanishes, no end of the connection comes."""
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 0))
    with open_socket(address) as plug:
        found = [plug.getsockopt(level, name) for level, name, _ in KEEPALIVE.options]
        assert found == [value for _, _, value in KEEPALIVE.options]
        assert not plug.getblocking()
    assert KEEPALIVE.seconds == 14


def test_without_a_cluster_both_ways_are_named() -> None:
    with pytest.raises(KubernetesError, match=r"KUBERNETES_SERVICE_HOST.*KUBECONFIG"):
        find_access({})


def test_a_pod_without_a_token_is_told_of_the_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "k", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(KubernetesError, match="automountServiceAccountToken"):
        in_cluster(environment)
    with pytest.raises(KubernetesError, match="namespace cannot be read: no such file"):
        in_cluster(environment, tmp_path)


def test_a_kubeconfig_gives_server_namespace_and_token(tmp_path: Path) -> None:
    access = find_access(kubeconfig(tmp_path))
    assert (access.server, access.namespace) == ("https://k:6443", "shop")
    assert access.read_token() == "secret"


def test_a_kubeconfig_wins_over_the_cluster(account: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "k", "KUBERNETES_SERVICE_PORT": "1"}
    access = find_access({**environment, **kubeconfig(account)})
    assert access.server == "https://k:6443"


def test_files_of_a_kubeconfig_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("from the file\n")
    (tmp_path / "ca").write_text(CA_PEM)
    cluster = {"server": "https://k", "certificate-authority": "ca", "tls-server-name": "kube"}
    access = find_access(kubeconfig(tmp_path, cluster, {"tokenFile": "t"}))
    assert access.read_token() == "from the file"
    assert isinstance(access.read_context(), ssl.SSLContext)
    assert access.host == "kube"


def test_a_client_certificate_may_be_in_the_file(tmp_path: Path) -> None:
    def encoded(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    user = {
        "client-certificate-data": encoded(LEAF.cert_chain_pems[0].bytes()),
        "client-key-data": encoded(LEAF.private_key_pem.bytes()),
    }
    cluster = {"server": "https://k", "certificate-authority-data": encoded(CA_PEM.encode())}
    access = find_access(kubeconfig(tmp_path, cluster, user))
    assert access.read_token() is None
    assert isinstance(access.read_context(), ssl.SSLContext)


def test_a_server_without_tls_has_no_context(tmp_path: Path) -> None:
    """As `kubectl proxy` is."""
    access = find_access(kubeconfig(tmp_path, {"server": "http://127.0.0.1:8001"}))
    assert access.read_context() is None


@pytest.mark.parametrize(
    ("cluster", "user", "what"),
    [
        ({}, {"exec": {"command": "aws"}}, "`exec` runs a program.*kubectl create token"),
        ({}, {"auth-provider": {"name": "gcp"}}, "`auth-provider` is a plugin"),
        ({}, {"username": "u", "password": "p"}, "`username` is not supported"),
        ({"insecure-skip-tls-verify": True}, {}, "is refused: give `certificate-authority`"),
        ({"proxy-url": "http://p"}, {}, "`proxy-url` is not supported"),
        ({"server": "ftp://k"}, {}, "'ftp://k' is no http or https URL"),
        ({"server": "https://k:port"}, {}, "is no http or https URL"),
        ({"server": ""}, {}, "is no http or https URL"),
        ({"server": 7}, {}, "server is no text"),
        ({"server": "http://k"}, {"token": "t"}, "would get the token without TLS"),
        ({}, {"client-certificate": "c"}, "must be given together"),
        ({"certificate-authority-data": "%"}, {}, "certificate-authority-data is no base64"),
    ],
)
def test_what_is_not_supported_is_refused_with_what_to_do(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], what: str
) -> None:
    environment = kubeconfig(tmp_path, {"server": "https://k", **cluster}, user)
    with pytest.raises(KubernetesError, match=what):
        find_access(environment)


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({"current-context": "other"}, "contexts has no 'other', which current-context names"),
        ({"current-context": ""}, "current-context names no context"),
        ({"clusters": []}, "clusters has no 'c', which the context names"),
        ({"clusters": None}, "clusters has no 'c'"),
        ({"users": "x"}, "users has no 'u'"),
    ],
)
def test_a_kubeconfig_must_hold_together(tmp_path: Path, more: dict[str, Any], what: str) -> None:
    with pytest.raises(KubernetesError, match=what):
        find_access(kubeconfig(tmp_path, **more))


@pytest.mark.parametrize(
    ("content", "what"),
    [("a: [", "is no YAML"), ("just text", "is no kubeconfig"), ("[" * 10_000, "is no YAML")],
)
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Path, content: str, what: str) -> None:
    (tmp_path / "config").write_text(content)
    with pytest.raises(KubernetesError, match=what):
        find_access({"KUBECONFIG": str(tmp_path / "config")})


def test_several_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KubernetesError, match="several files"):
        find_access({"KUBECONFIG": "/a:/b"})
    with pytest.raises(KubernetesError, match="cannot be read"):
        find_access({"KUBECONFIG": str(tmp_path / "missing")})


@pytest.mark.parametrize(
    ("cluster", "user", "what"),
    [
        ({"certificate-authority": "bad"}, {}, "certificate authority is no PEM"),
        ({}, {"client-certificate": "bad", "client-key": "bad"}, "do not fit or are no PEM"),
        ({"certificate-authority": "none"}, {}, "none cannot be read"),
        ({"certificate-authority": "empty"}, {}, "certificate authority is no PEM"),
        ({"certificate-authority": "accents"}, {}, "certificate authority is no PEM"),
    ],
)
def test_certificates_that_cannot_be_used_are_told(
    tmp_path: Path, cluster: dict[str, Any], user: dict[str, Any], what: str
) -> None:
    for name, content in (("bad", "no PEM"), ("empty", ""), ("accents", "é")):
        (tmp_path / name).write_text(content)
    access = find_access(kubeconfig(tmp_path, {"server": "https://k", **cluster}, user))
    with pytest.raises(KubernetesError, match=what):
        access.read_context()
