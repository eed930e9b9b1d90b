/** `npm run demo` on a machine without an engine: its own sample ends with a pull request all the same, said loudly; nothing else runs. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SAMPLE_FOLDER, sampleCase } from '../../scripts/demo/sample-case.ts'
import { projectDirectory } from '../../scripts/project-directory.ts'
import { findProcesses } from '../support/process-rig.ts'

let folder = ''
let socket = ''
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'berth-demo-'))
  socket = path.join(folder, 'no-engine.sock')
})
afterEach(() => rm(folder, { recursive: true }))

interface Ended {
  status: unknown
  stdout: string
  stderr: string
}

/** Of the person's own settings none counts. */
function runDemo(args: string[] = [], env: Record<string, string> = {}): Promise<Ended> {
  const script = path.join(projectDirectory, 'scripts/demo.ts')
  const environment = {
    ...process.env,
    OPENROUTER_API_KEY: '',
    BERTH_SANDBOX: '',
    DOCKER_HOST: `unix://${socket}`,
    BERTH_DATA_DIR: path.join(folder, 'data'),
    TMPDIR: folder,
    ...env,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], { env: environment }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : error.code, stdout, stderr })
    })
  })
}

/** Neither a file nor a process. */
async function expectNothingLeft(besides: string[] = []) {
  expect(await readdir(folder)).toEqual(besides)
  expect(findProcesses(`BERTH_STATE=`, folder)).toEqual([])
}

describe('a demo without an engine', () => {
  it('says loudly that nothing isolates its sample, and ends with the pull request', async () => {
    // The script plays it even so: a real model could think of any command.
    const { status, stdout, stderr } = await runDemo([], { OPENROUTER_API_KEY: 'sk-or-of-nobody' })
    expect(stderr).toBe('')
    expect(stdout).toContain('!! NOT ISOLATED: this run has no container.')
    expect(stdout).toContain(`!! No engine: The Docker engine at unix://${socket} cannot be reached`)
    expect(stdout).toContain('sudo systemctl start docker')
    expect(stdout).toContain('The model is scripted')
    expect(stdout).toContain(`Pull request #1: ${sampleCase.title}`)
    expect(stdout).toContain("✓ The pull request's diff equals the expected change.")
    expect(status).toBe(0)
    await expectNothingLeft()
  })

  it('runs no other repository: it says what to start, or what to say, ends with status 1 and leaves nothing', async () => {
    const { status, stderr } = await runDemo(['--repo', SAMPLE_FOLDER, '--case', 'case.json'])
    expect(stderr).toContain(`The demo failed: The Docker engine at unix://${socket} cannot be reached`)
    expect(stderr).toContain('sudo systemctl start docker')
    expect(stderr).toContain('BERTH_SANDBOX=process npm run demo -- ...')
    expect(stderr).not.toContain('SuppressedError')
    expect(stderr).not.toContain('Cleaning up failed')
    expect(status).toBe(1)
    await expectNothingLeft()
  })

  it('runs another one when it is told so in so many words', async () => {
    const file = path.join(folder, 'case.json')
    await writeFile(file, JSON.stringify(sampleCase))
    const { status, stdout } = await runDemo(['--repo', SAMPLE_FOLDER, '--case', file], { BERTH_SANDBOX: 'process' })
    expect(stdout).toContain('!! NOT ISOLATED: this run has no container.')
    expect(stdout).toContain("✓ The pull request's diff equals the expected change.")
    expect(status).toBe(0)
    await expectNothingLeft(['case.json'])
  })
})
