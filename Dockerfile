# The image of the gateway, and of the services of charts/canary-chain: the same, other commands.
#   docker build --tag sqs-version-gateway:0.1.0 .
#   docker run --rm --volume "$PWD/routes:/etc/gateway:ro" --publish 8080:8080 sqs-version-gateway:0.1.0
# How it was shown to work without an engine, and how large it is: docs/how-to/build-the-image.md

# A patch version, of the Python that the tests run with. For a build that can be repeated to the byte
# give the digest that you have checked: --build-arg BASE=python@sha256:...
ARG BASE=python:3.11.13-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# For the gateway's own hot path (docs/adr/0015-the-hot-path-can-be-compiled.md); this stage is thrown away.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml setup.py constraints.txt README.md LICENSE ./
# pip is the base's own and installs into the environment from outside: the image needs none.
RUN python -m venv --without-pip /opt/gateway \
 && python -m venv /opt/tools \
 && /opt/tools/bin/pip install --only-binary :all: --constraint constraints.txt setuptools mypy
COPY gateway ./gateway
# Of dependencies wheels alone: nothing of theirs runs while they are installed.
RUN GATEWAY_COMPILE=1 /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/tools/bin/pip --python /opt/gateway/bin/python install --no-compile \
      --only-binary :all: --constraint constraints.txt /wheels/*.whl \
 && find /opt/gateway/lib -path '*/site-packages/gateway/*' -name '*.so' -exec strip --strip-unneeded {} +
# Of the SDK's models of some 400 services (27 MB) it needs the queue's and those that hand out credentials.
RUN find /opt/gateway/lib/python3.*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name sqs ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -r {} +
# Nothing can be compiled later, the root filesystem is read-only. By hash: a copy may change the times of files.
RUN /opt/gateway/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/gateway/lib \
 && /opt/gateway/bin/python -m gateway --help >/dev/null

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="sqs-version-gateway" \
      org.opencontainers.image.description="Canary for SQS consumers: forwards each message to the stable or the canary service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
RUN groupadd --gid 10001 gateway \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# For engines without probes; Kubernetes does not look at it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-m", "gateway", "health"]
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["--config", "/etc/gateway/routes.yaml"]
