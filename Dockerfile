# syntax=docker/dockerfile:1
# Two images: the worker (the default), and the sample APIs (--target apis). Not built in the project's CI.

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN npm run build && npm prune --omit=dev --ignore-scripts

FROM node:24-slim AS runtime
ENV NODE_ENV=production
# A key named __proto__ of a message is a key, whatever a package does with it.
ENV NODE_OPTIONS=--disable-proto=delete
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE ./
# Where the worker puts the modules it builds from pipelines/.
RUN mkdir -p node_modules/.cache && chown node:node node_modules/.cache
USER node

# The sample APIs are TypeScript without build: Node 24 runs it as it is.
FROM runtime AS apis
COPY demo/apis demo/apis
ENV SAMPLE_APIS_HOST=0.0.0.0
CMD ["node", "demo/apis/main.ts"]

FROM runtime AS worker
COPY bin bin
COPY pipelines pipelines
CMD ["node", "bin/sluice.js", "run"]
