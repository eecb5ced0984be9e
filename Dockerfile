# Two images, both FROM scratch: nothing but programs and the libraries that they load, no shell.
#
#   docker build -t pix2pixd .                              the daemon with its demo models
#   docker run --rm -p 8080:8080 pix2pixd                   own models: -v /path/to/models:/models:ro
#   docker run --rm -p 8080:8080 -p 127.0.0.1:9090:9090 ... health and metrics, too, for monitors
#
#   docker build -t pix2pix-tools --target tools .          pix2pix and pix2pix-train
#   docker run --rm -u "$(id -u)" -v "$PWD:/work" pix2pix-tools pix2pix-train --data facades --out a.safetensors
#
# The daemon needs no writable file system, no capability and no root. Equal sources, packages and
# SOURCE_DATE_EPOCH give equal images. /usr/share/doc/*/sbom.spdx.json lists what is inside.
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
COPY deploy/install-deps /src/deploy/install-deps
RUN /src/deploy/install-deps
ARG SOURCE_DATE_EPOCH=0
COPY . /src
RUN export SOURCE_DATE_EPOCH \
    && meson setup /build /src --buildtype=release --strip --prefix=/usr -Dtests=disabled \
    && DESTDIR=/installed ninja -C /build install \
    && version=$(meson introspect /build --projectinfo | sed 's/.*"version": "\([^"]*\)".*/\1/') \
    && mkdir -p /daemon/models /tools/work \
    && cp /src/deploy/models/*.safetensors /src/deploy/models/*.json /daemon/models && chmod 444 /daemon/models/* \
    && for image in daemon tools; do \
        mkdir -p "/$image/usr/share/doc/pix2pixd" && cp /src/LICENSE "/$image/usr/share/doc/pix2pixd/"; \
    done \
    && cd /installed/usr/bin \
    && /src/deploy/image-root /daemon pix2pixd "$version" ./pix2pixd \
    && /src/deploy/image-root /tools pix2pix-tools "$version" ./pix2pix ./pix2pix-train

FROM scratch AS tools
COPY --from=build /tools/ /
LABEL org.opencontainers.image.title="pix2pix-tools" \
    org.opencontainers.image.description="Trains, converts and runs pix2pix models" \
    org.opencontainers.image.licenses="BSD-2-Clause" \
    org.opencontainers.image.version="0.1.0"
ENV PATH=/usr/bin
WORKDIR /work
USER 10001:10001
CMD ["pix2pix", "--help"]

# The last one is what a build makes if it names no target.
FROM scratch AS daemon
COPY --from=build /daemon/ /
LABEL org.opencontainers.image.title="pix2pixd" \
    org.opencontainers.image.description="Serves pix2pix models over HTTP" \
    org.opencontainers.image.licenses="BSD-2-Clause" \
    org.opencontainers.image.version="0.1.0"
# [::] takes IPv4 as well. GOMP_SPINCOUNT spares the daemon a second exec.
ENV PATH=/usr/bin PIX2PIXD_LISTEN=[::]:8080 PIX2PIXD_ADMIN_LISTEN=[::]:9090 PIX2PIXD_MODELS=/models \
    GOMP_SPINCOUNT=10000
USER 10001:10001
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
# Asks PIX2PIXD_ADMIN_LISTEN.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["pix2pixd", "--health"]
ENTRYPOINT ["pix2pixd"]
