# The image of pix2pixd with its demo model: `docker build -t pix2pixd .`, then
# `docker run --rm -p 8080:8080 pix2pixd`. Own models: `-v /path/to/models:/models:ro`.
# Needs no writable file system, no capability and no root.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
COPY deploy/install-deps /src/deploy/install-deps
RUN /src/deploy/install-deps
COPY . /src
RUN meson setup /build /src --buildtype=release --strip --prefix=/usr -Dtests=disabled \
    && DESTDIR=/image ninja -C /build install

FROM ${BASE}
# Only libraries, from the list of what the three programs link against.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        libdnnl3.6 libgomp1 libjansson4 libjpeg62-turbo libmicrohttpd12t64 libpng16-16t64 \
        zlib1g \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir / pix2pixd
COPY --from=build /image/usr/bin/ /usr/bin/
COPY LICENSE /usr/share/doc/pix2pixd/LICENSE
COPY deploy/models/*.safetensors /models/
ENV PIX2PIXD_LISTEN=0.0.0.0:8080 PIX2PIXD_MODELS=/models
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["pix2pixd", "--health"]
ENTRYPOINT ["pix2pixd"]
