/** What tests need of the machine beyond Node: a Docker engine that answers, and a browser. */
import { access, constants } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'

const ANSWER_TIMEOUT_MS = 5_000
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** `{ problem }`: null when an engine answers, else why none does and what to do. */
export async function findEngine() {
  const address = process.env.DOCKER_HOST || (await findSocket())
  if (address === null) {
    return { problem: 'no Docker engine was found. Install docker.io and start dockerd, or set DOCKER_HOST.' }
  }
  const failure = await ping(address)
  return {
    problem: failure === null ? null : `the Docker engine at ${address} does not answer (${failure}). Start dockerd.`,
  }
}

async function findSocket() {
  const usual = ['/var/run/docker.sock', path.join(os.homedir(), '.docker/run/docker.sock')]
  for (const socket of usual) if (await isThere(socket, constants.F_OK)) return `unix://${socket}`
  return null
}

function ping(address) {
  const isSocket = address.startsWith('unix://')
  const url = isSocket ? 'http://localhost/_ping' : new URL('/_ping', address.replace(/^tcp:/, 'http:'))
  const options = { timeout: ANSWER_TIMEOUT_MS, ...(isSocket && { socketPath: address.slice('unix://'.length) }) }
  return new Promise((resolve) => {
    const asked = request(url, options, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200 ? null : `status ${answer.statusCode}`)
    })
    asked.once('timeout', () => asked.destroy(new Error(`nothing within ${ANSWER_TIMEOUT_MS / 1_000} s`)))
    asked.once('error', (error) => resolve(error.message))
    asked.end()
  })
}

/** `{ path, problem }`: a Chromium that can be run, or why there is none. */
export async function findBrowser() {
  for (const browser of BROWSERS) if (await isThere(browser, constants.X_OK)) return { path: browser, problem: null }
  return { path: null, problem: `no browser was found (${BROWSERS.join(', ')}). Install chromium.` }
}

async function isThere(file, mode) {
  try {
    await access(file, mode)
    return true
  } catch {
    return false
  }
}
