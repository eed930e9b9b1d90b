/**
 * The two public images that docker-compose.yml builds on, or where no registry hands them out, images made of npm and Debian
 * packages that behave as they do where it counts.
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { type OpenEngine, openEngine } from '../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import { ensureBaseImage } from '../../lib/drivers/sandbox/docker/image/base-image.ts'
import {
  type ContextFile,
  moveContextFiles,
  packContext,
} from '../../lib/drivers/sandbox/docker/image/build-context.ts'
import { readPackageFiles } from '../../lib/drivers/sandbox/docker/image/package-files.ts'
import { runBuild } from '../../lib/drivers/sandbox/docker/image/run-build.ts'
import { withTemporaryFolder } from '../../lib/drivers/sandbox/docker/image/temporary-folder.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'

const PULL_MS = 300_000
const NPM_VERSION = '11.21.2'
const MADE_NODE = 'berth-compose-try-node'
const MADE_POSTGRES = 'berth-compose-try-postgres'

export interface Images {
  node: string
  postgres: string
  /** Removes what was made here; what was pulled stays. */
  remove(): Promise<void>
}

export interface ImagesInput {
  /** As docker-compose.yml names them. */
  node: string
  postgres: string
  say(line: string): void
  signal: AbortSignal
}

export async function ensureImages({ node, postgres, say, signal }: ImagesInput): Promise<Images> {
  const engine = openEngine(null)
  const images = { node, postgres }
  const made: string[] = []
  const making = { engine, say, signal }
  if (!(await isThere(engine, node))) {
    say(`${node} cannot be had; one is made of npm's packages`)
    images.node = MADE_NODE
    made.push(MADE_NODE)
    await makeNodeImage(making)
  }
  if (!(await isThere(engine, postgres))) {
    say(`${postgres} cannot be had; one is made of Debian's packages`)
    images.postgres = MADE_POSTGRES
    made.push(MADE_POSTGRES)
    await makePostgresImage(making)
  }
  return {
    ...images,
    async remove() {
      for (const image of made) await engine.removeImage(image)
    },
  }
}

async function isThere(engine: OpenEngine, image: string): Promise<boolean> {
  if ((await engine.findImage(image)) !== null) return true
  try {
    await promisify(execFile)('docker', ['pull', '--quiet', image], { timeout: PULL_MS })
    return true
  } catch {
    // Whatever the reason is, the image is not there.
    return false
  }
}

interface Making {
  engine: OpenEngine
  say(line: string): void
  signal: AbortSignal
}

/** Node and npm in /usr/local, as the official image has them, and this machine's certificates. */
async function makeNodeImage({ engine, say, signal }: Making): Promise<void> {
  const manifest = JSON.parse(await readFile(path.join(projectDirectory, 'package.json'), 'utf8'))
  const name = `node-linux-${process.arch}`
  const dockerfile = `
ARG BASE
FROM \${BASE}
RUN apt-get -qq update && apt-get -qq -y install --no-install-recommends libatomic1 libstdc++6 >/dev/null && rm -rf /var/lib/apt/lists/*
COPY ca/ /usr/local/share/ca-certificates/
COPY local/ /usr/local/
RUN update-ca-certificates >/dev/null; \
    ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm; ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
`
  await withTemporaryFolder(async (temporaryDirectory) => {
    const source = { root: projectDirectory, temporaryDirectory, onProgress: say, signal }
    const version: string = manifest.optionalDependencies[name]
    const node = await readPackageFiles({ name, version, keep: (file) => file === 'bin/node' }, source)
    const npm = await readPackageFiles({ name: 'npm', version: NPM_VERSION, keep: () => true }, source)
    const files = [
      { path: 'Dockerfile', mode: 0o644, content: Buffer.from(dockerfile) },
      ...moveContextFiles(node, 'local').map((file) => ({ ...file, mode: 0o755 })),
      ...moveContextFiles(npm, 'local/lib/node_modules/npm').map((file) => ({ ...file, mode: 0o755 })),
      ...(await readCertificates()),
    ]
    await build({ engine, say, signal, temporaryDirectory }, { tag: MADE_NODE, files })
  })
}

/** What is trusted here beside the public authorities: one file for each, as update-ca-certificates wants them. */
async function readCertificates(): Promise<ContextFile[]> {
  const file = process.env.NODE_EXTRA_CA_CERTS
  if (file === undefined || file === '') return []
  const pems = (await readFile(file, 'utf8')).match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g)
  return (pems ?? []).map((pem, index) => ({
    path: `ca/extra-${index}.crt`,
    mode: 0o644,
    content: Buffer.from(`${pem}\n`),
  }))
}

/** As the official image: its variables, its volume, and a server for the preparations alone that is not on TCP. */
async function makePostgresImage(making: Making): Promise<void> {
  const entrypoint = `#!/bin/bash
set -e
bin=$(echo /usr/lib/postgresql/*/bin)
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"; chmod 700 "$PGDATA"; chown -R postgres "$PGDATA"
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  [ -n "$POSTGRES_PASSWORD" ] || { echo 'POSTGRES_PASSWORD is not set' >&2; exit 1; }
  $bin/initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\\n' "$POSTGRES_PASSWORD") -D "$PGDATA" $POSTGRES_INITDB_ARGS >/dev/null
  echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
  $bin/pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start >/dev/null
  psql -q -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE \\"$POSTGRES_DB\\""
  $bin/pg_ctl -D "$PGDATA" -m fast -w stop >/dev/null
fi
exec $bin/postgres -D "$PGDATA" -c listen_addresses='*'
`
  const dockerfile = `
ARG BASE
FROM \${BASE}
RUN mkdir -p /etc/postgresql-common; echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
    apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends postgresql >/dev/null && \
    rm -rf /var/lib/apt/lists/*
COPY entrypoint.sh /usr/local/bin/entrypoint.sh
ENV PGDATA=/var/lib/postgresql/data
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]
`
  const files = [
    { path: 'Dockerfile', mode: 0o644, content: Buffer.from(dockerfile) },
    { path: 'entrypoint.sh', mode: 0o755, content: Buffer.from(entrypoint) },
  ]
  await withTemporaryFolder((temporaryDirectory) =>
    build({ ...making, temporaryDirectory }, { tag: MADE_POSTGRES, files }),
  )
}

async function build(
  { engine, say, signal, temporaryDirectory }: Making & { temporaryDirectory: string },
  image: { tag: string; files: ContextFile[] },
): Promise<void> {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch
  const onProgress = say
  const base = await ensureBaseImage(engine, {
    name: 'debian:bookworm-slim',
    architecture,
    temporaryDirectory,
    onProgress,
    signal,
  })
  await runBuild(engine, {
    what: image.tag,
    context: packContext(image.files, ['ca']),
    dockerfile: 'Dockerfile',
    tag: image.tag,
    buildArgs: { BASE: base },
    labels: {},
    noCache: false,
    network: 'default',
    onProgress: () => {},
    signal,
  })
}
