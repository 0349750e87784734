# Two stages: the first installs what runs, the second holds Node, the sources and nothing else.
# Node runs the TypeScript as it is; there is nothing to build.
FROM node:26-slim AS install
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/server/package.json packages/server/
RUN npm ci --omit=dev

FROM node:26-slim
WORKDIR /app
COPY --from=install /app ./
COPY LICENSE ./
COPY packages/server/src packages/server/src
COPY packages/server/scripts packages/server/scripts

# Owned by the user that the server runs as; everything else belongs to root and stays read-only.
RUN mkdir /data && chown node:node /data && chmod 700 /data
VOLUME /data
USER node

# Inside a container the loopbacks reach nobody. METERHOUSE_BASE_URL is the address that clients
# use; set it when it is not http://localhost:8080.
ENV METERHOUSE_HOST=0.0.0.0 \
    METERHOUSE_PORT=8080 \
    METERHOUSE_DATA_DIR=/data
EXPOSE 8080

# Liveness only: a server that is catching up is alive. The image has no curl; Node asks.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.METERHOUSE_PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]

# Node is the first process and gets the signal itself: it finishes what it has begun, then stops.
STOPSIGNAL SIGTERM
CMD ["node", "packages/server/src/main.ts"]
