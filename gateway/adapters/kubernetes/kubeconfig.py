"""Reads the file that KUBECONFIG names, as far as a test or a laptop needs it.

Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
"""

from __future__ import annotations

import base64
import binascii
import os
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import yaml

from gateway.adapters.kubernetes.access import Access, Pem, in_cluster, read_file
from gateway.adapters.kubernetes.errors import KubernetesError

if TYPE_CHECKING:
    from collections.abc import Mapping

_REFUSED: Final = {
    "exec": "runs a program for a token, which the gateway does not do: use a service account's "
    "token (`kubectl create token NAME`) as `token` or `tokenFile`",
    "auth-provider": "is a plugin that the gateway does not have: use `token` or `tokenFile`",
    "username": "is not supported: use `token` or a client certificate",
    "insecure-skip-tls-verify": "is refused: give `certificate-authority` instead",
    "proxy-url": "is not supported: give the address of the API server itself",
}


def find_access(environment: Mapping[str, str]) -> Access:
    """Return the access of KUBECONFIG where it is set, else that of the pod.

    Raises KubernetesError.
    """
    named = environment.get("KUBECONFIG", "")
    return read_kubeconfig(named) if named else in_cluster(environment)


def read_kubeconfig(path: str) -> Access:
    """Return the access of a kubeconfig's current context; raises KubernetesError.

    The file may change: a token in it is replaced as one in a file of its own is.
    """
    if os.pathsep in path:
        raise KubernetesError(f"KUBECONFIG names several files ({path}): give one")
    file = Path(path)
    text = read_file(file)
    access = _KubeConfig(file, text).access()

    def read_anew() -> Access | None:
        nonlocal text
        now = read_file(file)
        if now == text:
            return None
        fresh = _KubeConfig(file, now).access()
        text = now
        return fresh

    access.read_anew = read_anew
    return access


class _KubeConfig:
    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, RecursionError, ValueError):
            raise self._error("is no YAML") from None
        if not isinstance(content, dict):
            raise self._error("is no kubeconfig")
        self._content = content

    def access(self) -> Access:
        current = self._content.get("current-context")
        context = self._named("contexts", "context", current, "current-context")
        cluster = self._named("clusters", "cluster", context.get("cluster"), "the context")
        user = {}
        if context.get("user"):
            user = self._named("users", "user", context["user"], "the context")
        self._refuse("cluster", cluster)
        self._refuse("user", user)
        token = self._token(user)
        certificate, key = (self._pem(user, f"client-{one}") for one in ("certificate", "key"))
        if (certificate is None) != (key is None):
            raise self._error("client-certificate and client-key must be given together")
        return Access(
            self._server(cluster, secret=bool(token)),
            self._text(context, "namespace") or "default",
            authority=self._pem(cluster, "certificate-authority"),
            token=token,
            certificate=certificate,
            key=key,
            host=self._text(cluster, "tls-server-name") or None,
        )

    def _server(self, cluster: dict[str, Any], *, secret: bool) -> str:
        server = self._text(cluster, "server").rstrip("/")
        try:
            parts = urlsplit(server)
            host = parts.hostname if parts.port != 0 else None
            scheme = parts.scheme
        except ValueError:
            host, scheme = None, ""
        if not host or scheme not in {"http", "https"}:
            raise self._error(f"server: {server!r} is no http or https URL")
        if scheme == "http" and secret and not _is_loopback(host):
            raise self._error(f"server: {server!r} would get the token without TLS: use https")
        return server

    def _named(self, plural: str, kind: str, name: object, where: str) -> dict[str, Any]:
        if not isinstance(name, str) or not name:
            raise self._error(f"{where} names no {kind}")
        entries = self._content.get(plural)
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and entry.get("name") == name:
                found = entry.get(kind)
                return found if isinstance(found, dict) else {}
        raise self._error(f"{plural} has no {name!r}, which {where} names")

    def _refuse(self, kind: str, entry: dict[str, Any]) -> None:
        for key, why in _REFUSED.items():
            if entry.get(key):
                raise self._error(f"{kind}: `{key}` {why}")

    def _token(self, user: dict[str, Any]) -> Pem | None:
        """Return `tokenFile`, or else `token`, as kubectl does where there are both."""
        text = self._text(user, "token")
        return self._file(user, "tokenFile") or (Pem(text) if text else None)

    def _pem(self, entry: dict[str, Any], key: str) -> Pem | None:
        """Return `KEY-data`, or else the file KEY."""
        encoded = self._text(entry, f"{key}-data")
        if not encoded:
            return self._file(entry, key)
        try:
            return Pem(base64.b64decode(encoded, validate=True).decode("utf-8"))
        except (binascii.Error, ValueError):
            raise self._error(f"{key}-data is no base64 of PEM text") from None

    def _file(self, entry: dict[str, Any], key: str) -> Pem | None:
        """Return the file KEY, relative to the kubeconfig's folder."""
        file = self._text(entry, key)
        return Pem(file=self._path.parent / file) if file else None

    def _text(self, entry: dict[str, Any], key: str) -> str:
        value = entry.get(key) or ""
        if not isinstance(value, str):
            raise self._error(f"{key} is no text")
        return value

    def _error(self, why: str) -> KubernetesError:
        return KubernetesError(f"KUBECONFIG {self._path}: {why}")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
