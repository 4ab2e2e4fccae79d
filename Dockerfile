# The image of podbus: `docker build -t podbus .`
#
# BUILD_IMAGE has Node, npm and /bin/sh, and gives its Node to the image. BASE_IMAGE has the same libc and libstdc++, and needs nothing
# else, no shell either. Both of Alpine (node:24-alpine, and a base with libstdc++) make one for musl.
ARG BUILD_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12

FROM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node scripts/image.mjs --node /usr/local/bin/node /image

FROM ${BASE_IMAGE}
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /image/ /
ENV PATH=/usr/local/bin:/usr/bin:/bin
# A number, so that Kubernetes can see that it is not root. Any other will do, too: OpenShift gives one of its own.
USER 65532:65532
# What podman and Docker ask; Kubernetes has probes of its own. Docker restarts nothing for it, it lets others wait.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s --retries=3 CMD ["/usr/local/bin/podbus", "ping", "--quiet", "--connect-timeout", "3s"]
ENTRYPOINT ["/usr/local/bin/podbus"]
CMD ["serve"]
