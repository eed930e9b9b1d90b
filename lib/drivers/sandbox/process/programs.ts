/**
 * What a process sandbox runs, beside the machine's own programs: the bridge and the runner, bundled; Node and ripgrep; and
 * answers in the place of what an agent must not use on a person's machine. Made once for each content, in a folder of its
 * own, so that a running sandbox keeps its own when Berth changes.
 */
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { rootCertificates } from 'node:tls'
import { randomText } from '../../../ids.ts'
import { bundlePrograms, type ProgramEntries } from '../bundle-programs.ts'
import { listRecords } from './record.ts'

export interface ProgramsOptions {
  /** Where process sandboxes lie; the programs have a folder in it. */
  root: string
  /** The project's folder, of which the entries are. */
  project: string
  /** A PEM file of more certificates to trust. */
  extraCaFile: string | null
}

/** Paths in a folder of programs. */
export function programFiles(folder: string) {
  return {
    node: path.join(folder, 'bin', 'node'),
    bridge: path.join(folder, 'bridge.cjs'),
    runner: path.join(folder, 'runner.cjs'),
    /** There with an extra CA file only: its certificates, and all that are trusted. */
    extraCertificates: path.join(folder, 'extra-ca.pem'),
    certificates: path.join(folder, 'ca.pem'),
    /** Directories for the PATH of commands. */
    path: [path.join(folder, 'shims'), path.join(folder, 'bin')],
  }
}

const programsFolder = (root: string) => path.join(root, 'programs')

/** Answers their folder. Throws `image_missing` when they cannot be bundled. Not to be called twice at once. */
export async function ensurePrograms(
  entries: ProgramEntries,
  { root, project, extraCaFile }: ProgramsOptions,
): Promise<string> {
  const { rgPath } = await import('@vscode/ripgrep')
  const links = { node: process.execPath, rg: rgPath }
  const files = new Map([...(await bundlePrograms(entries, project)), ...(await readCertificates(extraCaFile))])
  const folder = path.join(programsFolder(root), hashOf({ links, files }))
  if (await isThere(folder)) return folder
  const draft = `${folder}.${randomText(8)}`
  await mkdir(path.join(draft, 'bin'), { recursive: true, mode: 0o700 })
  await mkdir(path.join(draft, 'shims'))
  for (const [name, content] of files) await writeFile(path.join(draft, name), content)
  for (const [name, target] of Object.entries(links)) await symlink(target, path.join(draft, 'bin', name))
  for (const [name, text] of shims) await writeFile(path.join(draft, 'shims', name), text, { mode: 0o755 })
  // Complete or not there, also after a crash.
  await rename(draft, folder)
  return folder
}

/** Removes what no sandbox of the installation runs any more, and what a crash left half made. */
export async function removeOldPrograms(root: string, keep: string[]): Promise<void> {
  const folders = await readdir(programsFolder(root))
  const installations = (await readdir(root)).filter((name) => name !== path.basename(programsFolder(root)))
  const records = await Promise.all(installations.map((installationId) => listRecords(root, { installationId })))
  const used = new Set([...keep, ...records.flat().map(({ programs }) => programs)])
  for (const name of folders) {
    const folder = path.join(programsFolder(root), name)
    if (!used.has(folder)) await rm(folder, { recursive: true, force: true })
  }
}

function hashOf({ links, files }: { links: Record<string, string>; files: Map<string, Buffer> }): string {
  const hash = createHash('sha256').update(JSON.stringify([links, shims, [...files.keys()]]))
  for (const content of files.values()) hash.update(content)
  return hash.digest('hex').slice(0, 16)
}

/** File name to PEM: some programs add to what they trust, most are given all of it. */
async function readCertificates(file: string | null): Promise<[string, Buffer][]> {
  if (file === null) return []
  const extra = await readFile(file)
  return [
    ['extra-ca.pem', extra],
    ['ca.pem', Buffer.from([...rootCertificates, extra.toString('utf8')].join('\n'))],
  ]
}

async function isThere(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}

const shim = (why: string) => `#!/bin/sh\n{\n  echo "\${0##*/}: ${why}"\n} >&2\nexit 1\n`
const PACKAGES =
  "this sandbox is a process on a person's machine, whose packages are not the agent's to change. Install into your home: npm install -g <package>, or a virtual environment (python3 -m venv) and its pip. If the work cannot go on without a system package, say which one."
const ROOT =
  "this sandbox is a process on a person's machine: agents are not given root there. Run the command without it."
const CONTAINERS =
  "this sandbox is a process on a person's machine, whose containers are not the agent's. Run the program directly, as an ordinary process on localhost. Say so if a step of the work needs it."
const KEYS =
  "this sandbox is a process on a person's machine, whose keys are not the agent's. The repository is reached over http: git is set up for it."

/** Name to script. */
const shims: [string, string][] = [
  ...['apt', 'apt-get', 'dnf', 'yum', 'pacman', 'brew'].map((name): [string, string] => [name, shim(PACKAGES)]),
  ...['sudo', 'su', 'doas', 'pkexec'].map((name): [string, string] => [name, shim(ROOT)]),
  ...['docker', 'podman'].map((name): [string, string] => [name, shim(CONTAINERS)]),
  ...['ssh', 'scp', 'sftp'].map((name): [string, string] => [name, shim(KEYS)]),
]
