"""Where the API server is and how it is called: in a cluster, or by the file KUBECONFIG.

Tokens and authorities are read anew for each call, since a kubelet, a cloud or a person replaces
them while the gateway runs.
"""

from __future__ import annotations

import ssl
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.adapters.kubernetes.errors import KubernetesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/"""


@dataclass(frozen=True, slots=True)
class Pem:
    """PEM text, or the file that it is in."""

    text: str = ""
    file: Path | None = None

    def read(self) -> str:
        """Return the text as it is now; raises KubernetesError."""
        return self.text if self.file is None else read_file(self.file)


@dataclass(slots=True)
class Access:
    """How to call one API server. `server` is its URL, `namespace` the one to work in.

    `host` is the name in the server's certificate where it is not the URL's. `read_anew` returns
    the access as its file says it by now, None where that has not changed.
    """

    server: str
    namespace: str
    authority: Pem | None = None
    token: Pem | None = None
    certificate: Pem | None = None
    key: Pem | None = None
    host: str | None = None
    read_anew: Callable[[], Access | None] = lambda: None
    _made_of: tuple[str | None, ...] = ()
    _context: ssl.SSLContext | None = field(default=None, repr=False)

    def refresh(self) -> None:
        """Take what the file says by now, but for the namespace; raises KubernetesError."""
        fresh = self.read_anew()
        if fresh is not None:
            self.server, self.host, self.token = fresh.server, fresh.host, fresh.token
            self.authority, self.certificate, self.key = (
                fresh.authority, fresh.certificate, fresh.key,
            )  # fmt: skip

    def read_token(self) -> str | None:
        """Return the bearer token as it is now; raises KubernetesError."""
        return None if self.token is None else self.token.read().strip()

    def read_context(self) -> ssl.SSLContext | None:
        """Return the TLS context, the same one while its files have not changed.

        None for a server without TLS. Raises KubernetesError.
        """
        if not self.server.startswith("https://"):
            return None
        parts = [self.authority, self.certificate, self.key]
        made_of = tuple(None if pem is None else pem.read() for pem in parts)
        if self._context is None or made_of != self._made_of:
            self._context = _context(*made_of)
            self._made_of = made_of
        return self._context


def in_cluster(environment: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> Access:
    """Return the access that a pod has; raises KubernetesError outside of a cluster."""
    host = environment.get("KUBERNETES_SERVICE_HOST", "")
    port = environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise KubernetesError(
            "there is no Kubernetes API to be found: this is no pod "
            "(KUBERNETES_SERVICE_HOST and _PORT are not set), and KUBECONFIG names no file"
        )
    address = f"[{host}]" if ":" in host else host
    return Access(
        f"https://{address}:{port}",
        read_file(folder / "namespace").strip(),
        authority=Pem(file=folder / "ca.crt"),
        token=Pem(file=folder / "token"),
    )


def read_file(path: Path) -> str:
    """Return the text of a file; raises KubernetesError."""
    try:
        return path.read_text("utf-8")
    except OSError as error:
        why = (error.strerror or "no file").lower()
        hint = _hint(path) if isinstance(error, FileNotFoundError) else ""
        raise KubernetesError(f"{path} cannot be read: {why}{hint}") from None
    except ValueError:
        raise KubernetesError(f"{path} cannot be read: it is not text") from None


def _hint(path: Path) -> str:
    if path.parent != SERVICE_ACCOUNT:
        return ""
    return " (is automountServiceAccountToken: false set on the pod or its service account?)"


def _context(
    authority: str | None, certificate: str | None = None, key: str | None = None
) -> ssl.SSLContext:
    try:
        # Without authorities those of the system would count, so an empty file is an error.
        context = ssl.create_default_context(cadata="-" if authority == "" else authority)
    except (OSError, TypeError, ValueError):  # ssl.SSLError is an OSError; TypeError: not ASCII
        raise KubernetesError("the API server's certificate authority is no PEM") from None
    if certificate is not None and key is not None:
        with tempfile.TemporaryDirectory() as folder:  # OpenSSL reads these from files alone
            paths = Path(folder, "certificate"), Path(folder, "key")
            for path, text in zip(paths, (certificate, key), strict=True):
                path.touch(0o600)
                path.write_text(text, "utf-8")
            try:
                # Without a password OpenSSL would ask for one on the terminal.
                context.load_cert_chain(paths[0], paths[1], password="")
            except (OSError, ValueError):
                raise KubernetesError(
                    "the client certificate and key of KUBECONFIG do not fit or are no PEM"
                ) from None
    return context
