# syntax=docker/dockerfile:1
# Two images from one build: `--target bot` (the default) and `--target runner`.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
WORKDIR /src
RUN python -m venv /opt/backstop
RUN python -m venv /opt/build
COPY requirements.lock build.lock ./
RUN /opt/backstop/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN /opt/build/bin/pip install --no-cache-dir --require-hashes -r build.lock
COPY pyproject.toml LICENSE README.md ./
COPY integrations integrations
COPY playbooks playbooks
COPY bot bot
RUN /opt/build/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /src/dist /src
RUN /opt/backstop/bin/pip install --no-cache-dir --no-deps --no-index --find-links /src/dist backstop

FROM python:${PYTHON}-slim AS base
RUN groupadd --gid 10001 backstop \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/backstop --create-home --shell /usr/sbin/nologin backstop \
    && install -d -o backstop -g backstop -m 0700 /run/backstop
COPY --from=build /opt/backstop /opt/backstop
ENV PATH=/opt/backstop/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BACKSTOP_HOME=/var/lib/backstop
USER 10001:10001
WORKDIR /var/lib/backstop
VOLUME ["/var/lib/backstop", "/run/backstop"]

FROM base AS runner
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(2); s.connect('/run/backstop/runner.sock')"]
ENTRYPOINT ["backstop-runner"]
CMD ["serve", "--config", "/etc/backstop/runner.toml", "--state", "/var/lib/backstop", "--socket", "/run/backstop/runner.sock"]

FROM base AS bot
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["backstop"]
CMD ["serve"]
