/**
 * A Debian base image where no image registry is reachable: apt of this machine resolves and downloads into a private root,
 * dpkg-deb unpacks, the engine imports it and dpkg configures it there. Needs no root, no debootstrap and no network but apt's.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { access, appendFile, copyFile, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { BerthError } from '../../../../errors.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { LABEL } from '../labels.ts'
import { type AptSource, findSources } from './debian-sources.ts'
import { runOnce } from './run-once.ts'
import { ProgramFailure, runProgram } from './run-program.ts'
import { assertRoom } from './temporary-folder.ts'

/** Beside what is essential: apt itself, certificates, and the tools that make users. */
const PACKAGES = ['?essential', 'apt', 'ca-certificates', 'passwd']

/** Kept out of every package, as the slim images do; licences stay. */
const EXCLUDED = ['/usr/share/man', '/usr/share/info', '/usr/share/locale', '/usr/share/doc', '/usr/share/lintian']

/** Runs in the unconfigured root, as root: the two packages whose files dpkg itself needs first, then all in any order. */
const CONFIGURE = `
set -eu
export DEBIAN_FRONTEND=noninteractive PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cp /usr/share/base-passwd/passwd.master /etc/passwd
cp /usr/share/base-passwd/group.master /etc/group
ln -sf mawk /usr/bin/awk
cd /var/cache/apt/archives
dpkg --force-depends --install base-passwd_*.deb base-files_*.deb >/tmp/log 2>&1 || true
dpkg --force-all --unpack ./*.deb >/tmp/log 2>&1 || { tail -n 40 /tmp/log; exit 1; }
dpkg --configure -a --force-depends >/tmp/log 2>&1 || { tail -n 40 /tmp/log; exit 1; }
test -z "$(dpkg --audit)"
rm -rf /var/cache/apt/archives/*.deb /var/log/*.log /tmp/log /var/cache/debconf/*-old /var/lib/dpkg/*-old
`

export interface DebianBase {
  tag: string
  /** Debian's name: amd64 or arm64. */
  architecture: string
  temporaryDirectory: string
  onProgress(line: string): void
  signal: AbortSignal
}

/** True where apt and dpkg-deb are, and apt knows an archive. */
export async function canMakeDebianBase(): Promise<boolean> {
  const found = await Promise.allSettled(
    ['/usr/bin/apt-get', '/usr/bin/dpkg-deb', '/usr/bin/tar'].map((file) => access(file, constants.X_OK)),
  )
  return found.every(({ status }) => status === 'fulfilled') && (await findSources()).length > 0
}

/** Measured: 231 MB. */
const NEEDED_BYTES = 300e6

/** Makes the image and tags it. What it made on the way is gone afterwards, also when it fails. */
export async function makeDebianBase(engine: ContainerEngine & ImageEngine, base: DebianBase): Promise<void> {
  const { onProgress, signal, temporaryDirectory } = base
  await assertRoom(temporaryDirectory, NEEDED_BYTES)
  const sources = await findSources()
  const packages = await downloadPackages({ ...base, sources })
  const root = path.join(temporaryDirectory, 'root')
  await unpackPackages({ root, packages, sources, signal, onProgress })
  onProgress('  configuring them in the engine')
  const changes = `LABEL ${LABEL.part}=base`
  const unconfigured = await engine.importTar(tarOf(root, signal), { changes, signal })
  try {
    await runOnce(engine, {
      image: unconfigured,
      command: ['/bin/sh', '-c', CONFIGURE],
      user: '0:0',
      signal,
      // One layer: the archives and what configuring replaced are not carried along.
      afterwards: async (id) =>
        engine.importTar(await engine.exportContainer(id, signal), { tag: base.tag, changes: `${changes}`, signal }),
    })
  } finally {
    await engine.removeImage(unconfigured)
  }
}

async function downloadPackages(base: DebianBase & { sources: AptSource[] }): Promise<string[]> {
  const aptRoot = path.join(base.temporaryDirectory, 'apt')
  const archives = path.join(aptRoot, 'cache/archives')
  for (const folder of ['state/lists/partial', 'cache/archives/partial', 'etc/sources.list.d']) {
    await mkdir(path.join(aptRoot, folder), { recursive: true })
  }
  await writeFile(path.join(aptRoot, 'status'), '')
  await writeFile(path.join(aptRoot, 'etc/sources.list'), '')
  for (const { file, target } of base.sources) await copyFile(file, path.join(aptRoot, 'etc', target))
  const configuration = path.join(aptRoot, 'apt.conf')
  await writeFile(configuration, privateRootConfiguration(aptRoot, base.architecture))
  const apt = (args: string[], onLine: (line: string) => void = () => {}) =>
    runProgram('/usr/bin/apt-get', ['-c', configuration, ...args], { signal: base.signal, onLine }).catch((error) => {
      if (!(error instanceof ProgramFailure)) throw error
      throw new BerthError('image_missing', `apt could not download the base image's packages (apt-get ${args[0]}).`, {
        hint: 'Check that `apt-get update` works on this machine, or set BERTH_BASE_IMAGE to an image that the engine has.',
        details: { logTail: error.tail },
        cause: error,
      })
    })
  base.onProgress("Reading this machine's package lists with apt")
  await apt(['update', '-q'])
  const install = ['install', '--yes', '-q', ...PACKAGES]
  let count = 0
  // 'address' file size checksum
  await apt([...install, '--print-uris'], (line) => {
    if (line.startsWith("'")) count += 1
  })
  base.onProgress(`Downloading ${count} packages with apt`)
  await apt([...install, '--download-only'], (line) => {
    const number = /^Get:(\d+) /.exec(line)?.[1]
    if (number !== undefined) base.onProgress(`  downloaded ${number} of ${count} packages`)
  })
  const names = await readdir(archives)
  return names.filter((name) => name.endsWith('.deb')).map((name) => path.join(archives, name))
}

/** Overrides what is this machine's own: state, cache, sources, and hooks of other programs. Proxies and keys stay. */
function privateRootConfiguration(aptRoot: string, architecture: string): string {
  return `
Dir::State "${aptRoot}/state";
Dir::State::status "${aptRoot}/status";
Dir::Cache "${aptRoot}/cache";
Dir::Etc::sourcelist "${aptRoot}/etc/sources.list";
Dir::Etc::sourceparts "${aptRoot}/etc/sources.list.d";
APT::Architecture "${architecture}";
#clear APT::Architectures;
APT::Architectures { "${architecture}"; };
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "true";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Post-Invoke;
`
}

interface Unpack extends Pick<DebianBase, 'onProgress' | 'signal'> {
  root: string
  packages: string[]
  sources: AptSource[]
}

/** Order does not matter: dpkg unpacks and configures all again inside. */
async function unpackPackages({ root, packages, sources, signal, onProgress }: Unpack): Promise<void> {
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(path.join(root, 'usr', folder), { recursive: true })
    await symlink(`usr/${folder}`, path.join(root, folder))
  }
  const inRoot = async (target: string, text: string) => {
    const file = path.join(root, target)
    await mkdir(path.dirname(file), { recursive: true })
    await appendFile(file, text)
  }
  for (const [index, file] of packages.entries()) {
    onProgress(`  unpacking ${index + 1} of ${packages.length} packages`)
    await extractPackage(file, root, signal)
  }
  await inRoot('etc/passwd', 'root:x:0:0:root:/root:/bin/bash\n')
  await inRoot('etc/group', 'root:x:0:\n')
  await inRoot('var/lib/dpkg/status', '')
  await inRoot('var/lib/dpkg/available', '')
  await mkdir(path.join(root, 'var/lib/dpkg/info'), { recursive: true })
  await mkdir(path.join(root, 'var/lib/dpkg/updates'), { recursive: true })
  const exclusions = EXCLUDED.map((folder) => `path-exclude ${folder}/*\n`).join('')
  await inRoot('etc/dpkg/dpkg.cfg.d/berth', `${exclusions}path-include /usr/share/doc/*/copyright\n`)
  await inRoot('etc/apt/apt.conf.d/99berth', 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n')
  await copyInto(root, packages, 'var/cache/apt/archives')
  for (const { file, target, keys } of sources) {
    await inRoot(path.join('etc/apt', target), await readFile(file, 'utf8'))
    for (const key of keys) await copyInto(root, [key], path.dirname(key))
  }
}

async function copyInto(root: string, files: string[], folder: string): Promise<void> {
  await mkdir(path.join(root, folder), { recursive: true })
  for (const file of files) await copyFile(file, path.join(root, folder, path.basename(file)))
}

/** -p keeps modes such as 1777 of /tmp; without it, apt fails inside with a key error. */
async function extractPackage(file: string, root: string, signal: AbortSignal): Promise<void> {
  const excluded = EXCLUDED.map((folder) => `--exclude=.${folder}/*`)
  const tar = ['-xp', '--keep-directory-symlink', '--no-same-owner', '-C', root, ...excluded]
  const script = 'set -e; deb=$1; shift; dpkg-deb --fsys-tarfile "$deb" | tar "$@"'
  await runProgram('/bin/sh', ['-c', script, 'sh', file, ...tar], { signal })
}

/** The folder as a tar stream whose files belong to root. */
function tarOf(folder: string, signal: AbortSignal): Readable {
  const tar = spawn('/usr/bin/tar', ['--owner=0', '--group=0', '--numeric-owner', '-C', folder, '-c', '.'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    signal,
  })
  tar.on('error', (error) => tar.stdout.destroy(error))
  tar.on('exit', (code) => {
    if (code !== 0) tar.stdout.destroy(new Error(`tar of the base's root ended with ${code}`))
  })
  return tar.stdout
}
