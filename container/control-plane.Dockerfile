# The control plane as a service, for docker-compose.yml. Its context is the project's folder, of which .dockerignore leaves in
# what it needs. The agents' own image is another one: the control plane makes it through the engine's socket when it starts.
ARG BERTH_NODE_IMAGE=node:24-bookworm-slim

FROM ${BERTH_NODE_IMAGE} AS build
WORKDIR /opt/berth
# Also: what only development needs is left out (scripts/set-up/installed.mjs).
ENV NODE_ENV=production
# A company's mirror. It stays in this stage, as all of its history does.
ARG NPM_CONFIG_REGISTRY
COPY package.json package-lock.json .npmrc ./
RUN set -eu; \
    [ -n "${NPM_CONFIG_REGISTRY:-}" ] || unset NPM_CONFIG_REGISTRY; \
    npm ci --omit=dev --ignore-scripts --loglevel=error --no-update-notifier
COPY . .
RUN npm run build && rm -r .next/cache

FROM ${BERTH_NODE_IMAGE}
WORKDIR /opt/berth
ENV NODE_ENV=production
COPY --from=build /opt/berth/node_modules node_modules
COPY . .
COPY --from=build /opt/berth/lib/store/generated lib/store/generated
COPY --from=build /opt/berth/.next .next
# Root, as the engine's socket demands; who holds that socket is root on the host whatever the user is called in here.
CMD ["node", "--disable-warning=ExperimentalWarning", "scripts/serve.ts"]
