# One image for server and worker: the wheel and its pinned dependencies, checked by hash, in an environment of
# their own. tests/installation builds and installs with the very steps of the first stage.
FROM python:3.11-slim-bookworm AS build
# Optional packages, such as [otel,parquet].
ARG EXTRAS=
ENV UV_COMPILE_BYTECODE=1
WORKDIR /build
COPY constraints.txt .
RUN sed -n '/^uv==/,/[^\\]$/p' constraints.txt > uv.txt \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement uv.txt
COPY pyproject.toml README.md LICENSE ./
COPY reev_gql reev_gql
COPY store store
COPY runner_bridge runner_bridge
COPY schema schema
COPY gql_server gql_server
COPY benchmarks benchmarks
RUN uv build --wheel --build-constraints constraints.txt --require-hashes --out-dir /wheels \
    && python -m venv --without-pip /opt/reev-gql \
    && uv pip install --python /opt/reev-gql --constraint constraints.txt "$(echo /wheels/*.whl)$EXTRAS"

FROM python:3.11-slim-bookworm
# Reaps what a stopped runner leaves to process 1.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends "tini=0.19.*" \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 reev
COPY --from=build /opt/reev-gql /opt/reev-gql
ENV PATH=/opt/reev-gql/bin:$PATH
WORKDIR /app
# A volume mounted here takes over its owner, so the program can write to it.
RUN reev-gql init && mkdir --parents logs/sessions logs/runs && chown --recursive 10001:10001 /app
USER 10001
EXPOSE 3001
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=5 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('REEV_GQL_PORT', 3001)}/readyz\", timeout=4)"]
ENTRYPOINT ["tini", "--", "reev-gql"]
CMD ["serve"]
