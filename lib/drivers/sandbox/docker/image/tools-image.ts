/** The tools image: everything of a sandbox but Berth's own programs. Rebuilt only when something that goes into it changed. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Settings } from '../../../../config.ts'
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { LABEL } from '../labels.ts'
import { ensureBaseImage } from './base-image.ts'
import { type ContextFile, hashContext, moveContextFiles, packContext, readContextFolder } from './build-context.ts'
import { readExtraCertificates } from './extra-certificates.ts'
import { readPackageFiles } from './package-files.ts'
import { runBuild } from './run-build.ts'

const NPM_VERSION = '11.21.2'

/** The engine's architecture: in Node's and Debian's words. */
const ARCHITECTURES: Record<string, { node: string; debian: string }> = {
  amd64: { node: 'x64', debian: 'amd64' },
  x86_64: { node: 'x64', debian: 'amd64' },
  arm64: { node: 'arm64', debian: 'arm64' },
  aarch64: { node: 'arm64', debian: 'arm64' },
}

/** What a tools image is made of. `hash` covers all of it. */
export interface ToolsPlan {
  hash: string
  image: string
  baseImage: string
  architecture: { node: string; debian: string }
  nodeVersion: string
  ripgrepVersion: string
  certificates: ContextFile[]
  files: ContextFile[]
}

/** Reads everything but the large packages, which their versions stand for. */
export async function planToolsImage(
  settings: Pick<Settings, 'baseImage' | 'extraCaFile'>,
  from: { root: string; engineArchitecture: string },
): Promise<ToolsPlan> {
  const architecture = ARCHITECTURES[from.engineArchitecture]
  if (architecture === undefined) {
    throw new BerthError(
      'image_missing',
      `The engine's architecture is ${from.engineArchitecture}; there is an agent image for amd64 and arm64.`,
    )
  }
  const manifest = JSON.parse(await readFile(path.join(from.root, 'package.json'), 'utf8'))
  const nodeVersion: string = manifest.optionalDependencies[`node-linux-${architecture.node}`]
  const ripgrepVersion: string = manifest.dependencies['@vscode/ripgrep']
  const certificates = [...(await readExtraCertificates(settings.extraCaFile))].map(([name, content]) => ({
    path: `ca/${name}`,
    mode: 0o644,
    content,
  }))
  const files = [
    { path: 'Dockerfile', mode: 0o644, content: await readFile(path.join(from.root, 'container/Dockerfile')) },
    ...(await readContextFolder(path.join(from.root, 'container/image'), 'image')),
  ]
  const versions = [settings.baseImage, architecture.debian, nodeVersion, ripgrepVersion, NPM_VERSION]
  const hash = hashContext(versions, [...files, ...certificates])
  const image = `berth-tools:${hash.slice(0, 12)}`
  return { hash, image, baseImage: settings.baseImage, architecture, nodeVersion, ripgrepVersion, certificates, files }
}

export interface ToolsBuild {
  plan: ToolsPlan
  root: string
  proxy: Settings['egress']['proxy']
  noCache: boolean
  temporaryDirectory: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** Builds and tags it. */
export async function buildToolsImage(engine: ContainerEngine & ImageEngine, build: ToolsBuild): Promise<void> {
  const { plan, onProgress, signal, temporaryDirectory } = build
  const base = await ensureBaseImage(engine, {
    name: plan.baseImage,
    architecture: plan.architecture.debian,
    temporaryDirectory,
    onProgress,
    signal,
  })
  const programs = await readPrograms(build)
  onProgress(`Building the tools of the agent image from ${base} (some minutes the first time)`)
  await runBuild(engine, {
    what: 'the tools of the agent image',
    context: packContext([...plan.files, ...plan.certificates, ...programs], ['ca']),
    dockerfile: 'Dockerfile',
    tag: plan.image,
    buildArgs: { BERTH_BASE_IMAGE: base, ...proxyArguments(build.proxy) },
    labels: { [LABEL.content]: plan.hash },
    noCache: build.noCache,
    network: await findNetwork(engine),
    onProgress,
    signal,
  })
}

/** The engine's machine's own, with a proxy on its loopback and its resolver; not to be had where users are mapped. */
async function findNetwork(engine: ContainerEngine): Promise<'host' | 'default'> {
  const { securityOptions } = await engine.info()
  return securityOptions.some((option) => /^name=userns\b/.test(option)) ? 'default' : 'host'
}

/** Node with the headers that native add-ons compile against, npm, and ripgrep, as they lie in /opt/berth. */
async function readPrograms({
  plan,
  root,
  temporaryDirectory,
  onProgress,
  signal,
}: ToolsBuild): Promise<ContextFile[]> {
  const source = { root, temporaryDirectory, onProgress, signal }
  const { node } = plan.architecture
  const openssl = 'include/node/openssl/'
  const nodeFiles = await readPackageFiles(
    {
      name: `node-linux-${node}`,
      version: plan.nodeVersion,
      // The headers of OpenSSL for every other platform are 60 MB.
      keep: (file) => file === 'bin/node' || (file.startsWith('include/') && !file.startsWith(openssl)),
    },
    source,
  )
  const npmFiles = await readPackageFiles(
    { name: 'npm', version: NPM_VERSION, keep: (file) => !/^(docs|man)\//.test(file) },
    source,
  )
  const ripgrep = await readPackageFiles(
    { name: `@vscode/ripgrep-linux-${node}`, version: plan.ripgrepVersion, keep: (file) => file === 'bin/rg' },
    source,
  )
  return [
    ...moveContextFiles(nodeFiles, 'opt-berth'),
    ...moveContextFiles(npmFiles, 'opt-berth/lib/node_modules/npm'),
    ...moveContextFiles(ripgrep, 'opt-berth'),
    ...['npm', 'npx'].map((name) => ({
      path: `opt-berth/bin/${name}`,
      mode: 0o755,
      content: Buffer.from(
        `#!/bin/sh\nexec /opt/berth/bin/node /opt/berth/lib/node_modules/npm/bin/${name}-cli.js "$@"\n`,
      ),
    })),
  ].map((file) => (file.path.startsWith('opt-berth/bin/') ? { ...file, mode: 0o755 } : file))
}

/** The builder knows these arguments by itself and keeps them out of the image. */
function proxyArguments({ https, http, noProxy }: Settings['egress']['proxy']): Record<string, string> {
  const values = { HTTPS_PROXY: https ?? '', HTTP_PROXY: http ?? https ?? '', NO_PROXY: noProxy.join(',') }
  const given = Object.entries(values).filter(([, value]) => value !== '')
  return Object.fromEntries(given.flatMap(([name, value]) => [name, name.toLowerCase()].map((each) => [each, value])))
}
