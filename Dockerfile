# One image for server and worker. Dependencies are the pinned ones, checked by hash; build tools stay behind.
FROM python:3.11-slim-bookworm AS wheels
WORKDIR /build
COPY constraints.txt .
RUN pip wheel --no-cache-dir --require-hashes --no-deps --wheel-dir /wheels --requirement constraints.txt \
    && pip install --no-cache-dir --no-index --find-links /wheels hatchling editables
COPY pyproject.toml README.md ./
COPY store store
COPY runner_bridge runner_bridge
COPY schema schema
COPY gql_server gql_server
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 reev
RUN --mount=type=bind,from=wheels,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels reev-gql
WORKDIR /app
COPY benchmarks benchmarks
# A volume mounted here takes over its owner, so the program can write to it.
RUN mkdir --parents logs/sessions logs/runs && chown --recursive reev:reev /app
USER reev
EXPOSE 3001
ENTRYPOINT ["reev-gql"]
CMD ["serve"]
