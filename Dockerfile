# The image of the gateway, and of the services of charts/canary-chain: the same, other commands.
#   docker build --tag sqs-version-gateway:0.2.0 .
#   docker run --rm --volume "$PWD/routes:/etc/gateway:ro" --publish 8080:8080 sqs-version-gateway:0.2.0
# How it was shown to work without an engine, and how large it is: docs/how-to/build-the-image.md

# The tag takes in the base's security fixes at the next build. The digest makes a build repeatable:
# --build-arg BASE_DIGEST=@sha256:... (with the @). It is empty here; a release looks it up, builds
# with it and adds it as the label org.opencontainers.image.base.digest.
ARG BASE=python:3.13-slim-bookworm
ARG BASE_DIGEST=""

FROM ${BASE}${BASE_DIGEST} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# For the gateway's own hot path (docs/adr/0015-the-hot-path-can-be-compiled.md); this stage is thrown away.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
# Dependencies come before code: a change of the code builds on these layers.
COPY requirements/runtime.txt requirements/build.txt requirements/
# pip installs into the environment from outside: the image needs none. Wheels alone, so nothing of a
# package's own runs while it is installed; by hash, so no index can serve another file.
RUN python -m venv --without-pip /opt/gateway \
 && python -m venv /opt/tools \
 && /opt/tools/bin/pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
 && /opt/tools/bin/pip --python /opt/gateway/bin/python install --no-compile \
      --require-hashes --only-binary :all: --requirement requirements/runtime.txt
# What routes with `kafka` need, where it is asked for: --build-arg EXTRAS=kafka. A layer of its own, so
# that an image without it builds on the same ones as before.
ARG EXTRAS=""
COPY requirements/kafka.txt requirements/
RUN case "$EXTRAS" in \
      "") ;; \
      kafka) /opt/tools/bin/pip --python /opt/gateway/bin/python install --no-compile \
        --require-hashes --only-binary :all: --requirement requirements/kafka.txt ;; \
      *) echo "EXTRAS: there is kafka alone" >&2; exit 1 ;; \
    esac
# Of the SDK's models of some 400 services (27 MB) it needs the queue's and those that hand out credentials.
RUN find /opt/gateway/lib/python3.*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
      ! -name sqs ! -name sts ! -name sso ! -name sso-oidc ! -name signin -exec rm -r {} +
COPY pyproject.toml setup.py README.md LICENSE THIRD_PARTY_NOTICES ./
COPY gateway ./gateway
RUN GATEWAY_COMPILE=1 /opt/tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && /opt/tools/bin/pip --python /opt/gateway/bin/python install --no-compile --no-deps --no-index /wheels/*.whl \
 && find /opt/gateway/lib -path '*/site-packages/gateway/*' -name '*.so' -exec strip --strip-unneeded {} + \
 && cp LICENSE THIRD_PARTY_NOTICES /opt/gateway/
# Nothing can be compiled later, the root filesystem is read-only. By hash: a copy may change the times of files.
# What is missing among the requirements is told here, and not in a cluster.
RUN /opt/gateway/bin/python -m compileall -q --invalidation-mode unchecked-hash /opt/gateway/lib \
 && /opt/tools/bin/pip --python /opt/gateway/bin/python check \
 && /opt/gateway/bin/python -m gateway --help >/dev/null

FROM ${BASE}${BASE_DIGEST}
# The base's own installers are no part of a running gateway; the last line fails if one is left.
RUN lib="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && rm -rf "$lib"/ensurepip "$lib"/site-packages/pip "$lib"/site-packages/pip-* /usr/local/bin/pip* \
      "$lib"/site-packages/setuptools* "$lib"/site-packages/pkg_resources "$lib"/site-packages/wheel* \
 && python -c "import importlib.util as u, sys; sys.exit(' '.join(filter(u.find_spec, ('pip', 'setuptools', 'ensurepip'))) or 0)"
RUN groupadd --gid 10001 gateway \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin gateway
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# Last, since they differ in every build. SOURCE is the address of the repository.
ARG BASE
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG CREATED=unknown
ARG SOURCE=unknown
# The label revision of gateway_build_info.
ENV GATEWAY_REVISION=${REVISION}
LABEL org.opencontainers.image.title="sqs-version-gateway" \
      org.opencontainers.image.description="Canary for SQS consumers: forwards each message to the stable or the canary service" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The sqs-version-gateway maintainers" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.url="${SOURCE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# For engines without probes; Kubernetes does not look at it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
  CMD ["python", "-m", "gateway", "health"]
ENTRYPOINT ["python", "-m", "gateway"]
CMD ["--config", "/etc/gateway/routes.yaml"]
