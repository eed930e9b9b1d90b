import { describe, expect, it } from 'vitest'
import { readProjectInstructions } from '../../../../../container/bridge/executor/project-instructions.ts'
import { WorkspaceError } from '../../../../../container/bridge/workspace-port.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { textWorkspace } from '../../../../support/executor-rig.ts'

const read = (files: Record<string, string>) => readProjectInstructions(textWorkspace(files), silentLogger)

describe("the repository's instructions", () => {
  it('are those of AGENTS.md, else of CLAUDE.md', async () => {
    expect((await read({ 'AGENTS.md': 'a', 'CLAUDE.md': 'c' })).root).toEqual({ path: 'AGENTS.md', text: 'a' })
    expect((await read({ 'CLAUDE.md': 'c' })).root).toEqual({ path: 'CLAUDE.md', text: 'c' })
    expect((await read({})).root).toBeNull()
  })

  it('are attached once for each folder above a file, outermost first', async () => {
    const instructions = await read({ 'a/AGENTS.md': 'A', 'a/b/c/CLAUDE.md': 'C' })
    expect(await instructions.attachFor('/workspace/a/b/c/x.ts')).toBe(
      '\n\n[a/AGENTS.md applies to files under a/]\nA\n\n[a/b/c/CLAUDE.md applies to files under a/b/c/]\nC',
    )
    expect(await instructions.attachFor('a/b/c/y.ts')).toBe('')
  })

  it('are not looked for outside the workspace', async () => {
    const instructions = await read({ '/tmp/AGENTS.md': 'no', '../AGENTS.md': 'no' })
    expect(await instructions.attachFor('/tmp/x')).toBe('')
    expect(await instructions.attachFor('../x')).toBe('')
  })

  it('are 32 KB in all, and say where they were cut', async () => {
    const instructions = await read({
      'AGENTS.md': 'x'.repeat(30_000),
      'a/AGENTS.md': 'y'.repeat(30_000),
      'b/AGENTS.md': 'z',
    })
    const attached = await instructions.attachFor('a/x')
    expect(attached).toContain('[cut here: read a/AGENTS.md for the rest]')
    expect(attached.match(/y/g)).toHaveLength(32 * 1024 - 30_000)
    expect(await instructions.attachFor('b/x')).toBe('')
  })

  it('do not stop a run when the workspace fails', async () => {
    const workspace = { ...textWorkspace(), readFile: () => Promise.reject(new WorkspaceError('runner_lost', 'gone')) }
    expect((await readProjectInstructions(workspace, silentLogger)).root).toBeNull()
  })
})
