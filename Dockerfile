# syntax=docker/dockerfile:1
# Both programs in one small image: `facteur` (the API, migrations, doctor) and `facteur-worker`.
FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ENV SQLX_OFFLINE=true
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --profile dist --locked -p api --bins \
    && cargo build --release --locked -p worker --bins \
    && install -D -t /out target/dist/facteur target/release/facteur-worker

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/facteur facteur \
    && install -d -m 700 -o facteur -g facteur /var/lib/facteur/files
COPY --from=build /out/ /usr/local/bin/
USER facteur
WORKDIR /var/lib/facteur
ENV HOST=0.0.0.0 PORT=3000 LOG_FORMAT=json
EXPOSE 3000
# SIGTERM drains; give a worker 30 s before it is killed (docker stop -t 30).
STOPSIGNAL SIGTERM
CMD ["facteur", "serve"]
