# syntax=docker/dockerfile:1
# Two images: the worker (the default), and the sample APIs (--target apis). Not built in the project's CI, which looks at how they are made.
#
# The images have no shell and no package manager; their entry point is Node, and they run as user 65532 on a root that may be read-only:
#   docker run --read-only --mount type=volume,target=/app/node_modules/.cache …

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN ["npm", "ci", "--ignore-scripts"]
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/whole-types.mjs scripts/build.mjs scripts/build-page.mjs scripts/
COPY src src
RUN ["npm", "run", "build"]
# For another build, which there is none.
RUN ["rm", "dist/.tsbuildinfo"]
# What is left for the worker: its packages, and those that are optional, for a front door, tokens, shared limits, a journal and traces.
RUN ["npm", "install", "--no-save", "--save-prod", "--omit=dev", "--ignore-scripts", \
  "fastify@5.12.8", "jose@6.2.18", "ioredis@6.0.0", "libsql@0.5.29", "pg@8.23.0", "@opentelemetry/api@1.9.1"]
# Where the worker puts the modules it builds from pipelines/: the one place it writes to.
RUN ["mkdir", "-p", "node_modules/.cache"]
RUN ["chown", "65532:65532", "node_modules/.cache"]

FROM gcr.io/distroless/nodejs24-debian12:nonroot AS runtime
ENV NODE_ENV=production
# A key named __proto__ of a message is a key, whatever a package does with it.
ENV NODE_OPTIONS=--disable-proto=delete
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE ./
USER 65532:65532

# The sample APIs are TypeScript without build: Node 24 runs it as it is.
FROM runtime AS apis
COPY demo/apis demo/apis
ENV SAMPLE_APIS_HOST=0.0.0.0
CMD ["demo/apis/main.ts"]

FROM runtime AS worker
COPY bin bin
COPY pipelines pipelines
# Whether it lives; whether it takes messages is /readyz.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=6 \
  CMD ["/nodejs/bin/node", "-e", "fetch(`http://127.0.0.1:${process.env.SLUICE_PORT || 8080}/livez`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["bin/sluice.js", "run"]
