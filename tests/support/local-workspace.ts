/** A workspace of real files in a temporary folder, with real git, ripgrep, Node and Python on its PATH. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { rgPath } from '@vscode/ripgrep'
import type { Workspace } from '../../container/bridge/workspace-port.ts'
import { createLocalWorkspace } from '../../container/runner/workspace/local-workspace.ts'

export interface TestWorkspace {
  workspace: Workspace
  /** Absolute path of the workspace; `outputs` and `outside` lie beside it. */
  root: string
  outputDirectory: string
  outside: string
  env: Record<string, string | undefined>
  write(relative: string, content: string | Uint8Array): void
  git(...args: string[]): string
  remove(): void
}

export async function makeTestWorkspace(): Promise<TestWorkspace> {
  const base = realpathSync(mkdtempSync(path.join(os.tmpdir(), 'berth-workspace-')))
  const root = path.join(base, 'workspace')
  const outputDirectory = path.join(base, 'berth')
  const outside = path.join(base, 'outside')
  for (const folder of [root, outputDirectory, outside]) mkdirSync(folder)
  const env = {
    ...process.env,
    PATH: [path.dirname(process.execPath), path.dirname(rgPath), process.env.PATH].join(':'),
    HOME: base,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.com',
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
  }
  return {
    workspace: await createLocalWorkspace({ root, extraRoots: [], outputDirectory, env: () => env }),
    root,
    outputDirectory,
    outside,
    env,
    write(relative, content) {
      mkdirSync(path.dirname(path.join(root, relative)), { recursive: true })
      writeFileSync(path.join(root, relative), content)
    },
    git: (...args) =>
      execFileSync('git', args, { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }),
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
}
