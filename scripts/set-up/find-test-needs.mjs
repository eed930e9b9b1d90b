/**
 * What tests need of the machine beyond Node: a Docker engine that answers and sees their folders, one that they may kill, a
 * browser, a package registry, and Python.
 */
import { execFile } from 'node:child_process'
import { access, constants, mkdtemp, rmdir } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'

const ANSWER_TIMEOUT_MS = 5_000
/** What tests/fixtures/project-with-dependency installs. */
const INSTALLED_PACKAGE = 'ms@2.1.3'
const REGISTRY_TIMEOUT_MS = 15_000
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `{ problem }`: null when an engine answers, else why none does and what to do. */
export async function findEngine() {
  const address = process.env.DOCKER_HOST || (await findSocket())
  if (address === null) {
    return { problem: 'no Docker engine was found. Install docker.io and start dockerd, or set DOCKER_HOST.' }
  }
  const { status, failure = `status ${status}` } = await ask(address, { method: 'GET', path: '/_ping' })
  if (status !== 200) return { problem: `the Docker engine at ${address} does not answer (${failure}). Start dockerd.` }
  if (await seesTemporaryFolder(address)) return { problem: null }
  return {
    problem: `the Docker engine at ${address} does not see the folder ${os.tmpdir()}, in which the tests keep sockets and data. Set TMPDIR to a folder that it sees at the same path, a short one.`,
  }
}

/** An engine elsewhere, or beside a container that this runs in, mounts folders of its own. Asked with an image without anything in it. */
async function seesTemporaryFolder(address) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'berth-seen-'))
  const image = path.basename(folder).toLowerCase()
  const imported = `/images/create?fromSrc=-&repo=${image}&tag=1`
  await ask(address, { method: 'POST', path: imported, body: EMPTY_ARCHIVE, type: 'application/x-tar' })
  const made = await ask(address, {
    method: 'POST',
    path: '/containers/create',
    body: JSON.stringify({
      Image: `${image}:1`,
      Cmd: ['never'],
      HostConfig: { Mounts: [{ Type: 'bind', Source: folder, Target: '/seen' }] },
    }),
    type: 'application/json',
  })
  if (made.status === 201) await ask(address, { method: 'DELETE', path: `/containers/${JSON.parse(made.text).Id}` })
  await ask(address, { method: 'DELETE', path: `/images/${image}:1` })
  await rmdir(folder)
  return !(made.status === 400 && made.text.includes('bind source path does not exist'))
}

/** tar(5): two blocks of nothing. */
const EMPTY_ARCHIVE = Buffer.alloc(1024)

async function findSocket() {
  const usual = ['/var/run/docker.sock', path.join(os.homedir(), '.docker/run/docker.sock')]
  for (const socket of usual) if (await isThere(socket, constants.F_OK)) return `unix://${socket}`
  return null
}

/** `{ status, text }`, or `{ failure }` where there is no answer. */
function ask(address, { method, path: asked, body, type }) {
  const isSocket = address.startsWith('unix://')
  const url = new URL(asked, isSocket ? 'http://localhost' : address.replace(/^tcp:/, 'http:'))
  const headers = type === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }
  const socket = isSocket ? { socketPath: address.slice('unix://'.length) } : {}
  return new Promise((resolve) => {
    const fail = (error) => resolve({ failure: error.message })
    const call = request(url, { method, headers, timeout: ANSWER_TIMEOUT_MS, ...socket }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (piece) => {
        text += piece
      })
      answer.once('end', () => resolve({ status: answer.statusCode, text }))
      answer.once('error', fail)
    })
    call.once('timeout', () => call.destroy(new Error(`nothing within ${ANSWER_TIMEOUT_MS / 1_000} s`)))
    call.once('error', fail)
    call.end(body)
  })
}

/** `{ problem }`: null when the tests can start an engine of their own, which they kill. */
export async function findOwnEngine() {
  const folders = (process.env.PATH ?? '').split(path.delimiter)
  const there = await Promise.all(folders.map((folder) => isThere(path.join(folder, 'dockerd'), constants.X_OK)))
  const can = process.getuid?.() === 0 && there.includes(true)
  return { problem: can ? null : 'that takes root and dockerd. Run them as root where docker.io is installed.' }
}

/** `{ path, problem }`: a Chromium that can be run, or why there is none. */
export async function findBrowser() {
  for (const browser of BROWSERS) if (await isThere(browser, constants.X_OK)) return { path: browser, problem: null }
  return { path: null, problem: `no browser was found (${BROWSERS.join(', ')}). Install chromium.` }
}

/** `{ problem }`: null when npm's own registry has what the tests install. Asked with npm, so that its settings count. */
export function findRegistry() {
  const args = ['view', INSTALLED_PACKAGE, 'version', '--fetch-retries=0', `--fetch-timeout=${ANSWER_TIMEOUT_MS}`]
  return new Promise((resolve) => {
    execFile('npm', args, { cwd: os.tmpdir(), timeout: REGISTRY_TIMEOUT_MS }, (error) => {
      const problem = 'npm cannot reach its package registry. See `npm ping`.'
      resolve({ problem: error === null ? null : problem })
    })
  })
}

/** `{ problem }`: null when there is a Python 3 to run. */
export function findPython() {
  return new Promise((resolve) => {
    execFile('python3', ['-c', ''], { timeout: ANSWER_TIMEOUT_MS }, (error) =>
      resolve({ problem: error === null ? null : 'python3 does not run. Install python3.' }),
    )
  })
}

async function isThere(file, mode) {
  try {
    await access(file, mode)
    return true
  } catch {
    return false
  }
}
