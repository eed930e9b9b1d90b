import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { projectDirectory } from '../../scripts/project-directory.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-demo-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** `npm run demo`: its status and what it says on standard error. */
function runDemo(env: Record<string, string>): Promise<{ status: unknown; stderr: string }> {
  const script = path.join(projectDirectory, 'scripts/demo.ts')
  return new Promise((resolve) => {
    execFile(process.execPath, [script], { env: { ...process.env, ...env } }, (error, _stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code, stderr })
    })
  })
}

it('a demo without an engine says what to start, ends with status 1 and leaves nothing', async () => {
  const socket = path.join(folder, 'no-engine.sock')
  const data = path.join(folder, 'data')
  const { status, stderr } = await runDemo({ DOCKER_HOST: `unix://${socket}`, BERTH_DATA_DIR: data })
  expect(stderr).toContain(`The demo failed: The Docker engine at unix://${socket} cannot be reached`)
  expect(stderr).toContain('sudo systemctl start docker')
  expect(stderr).not.toContain('SuppressedError')
  expect(stderr).not.toContain('Cleaning up failed')
  expect(status).toBe(1)
  expect(await readdir(folder)).toEqual([])
})
