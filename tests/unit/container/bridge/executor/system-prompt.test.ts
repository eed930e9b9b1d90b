import { describe, expect, it } from 'vitest'
import { CONTAINER, writeSystemPrompt } from '../../../../../container/bridge/executor/system-prompt.ts'

const facts = {
  place: CONTAINER,
  agent: {
    name: 'fixer',
    repository: 'octo/sample',
    sourceBranch: 'main',
    targetBranch: 'berth/fix',
    instructions: 'Be brief.',
  },
  tools: new Set(['read_file', 'run_command', 'update_tasks', 'create_pull_request']),
  commandTimeoutMs: 30_000,
  projectInstructions: { path: 'AGENTS.md', text: 'Use tabs.\n' },
}

describe('the system prompt', () => {
  it('has its parts in order: purpose, working, tools, editing, verifying, git, environment, then instructions', () => {
    const prompt = writeSystemPrompt(facts)
    expect(prompt.startsWith('You are "fixer"')).toBe(true)
    expect(prompt.match(/^# .*$/gm)).toEqual([
      '# Working',
      '# Tools',
      '# Editing',
      '# Verifying',
      '# Git',
      '# Environment',
      '# Instructions of the repository (AGENTS.md)',
      '# Instructions of the person you work for',
    ])
    expect(prompt).toContain('A command may take 30 s')
  })

  it('says the same each time, so that it stays cached', () => {
    expect(writeSystemPrompt(facts)).toBe(writeSystemPrompt({ ...facts }))
    expect(writeSystemPrompt(facts)).not.toMatch(/\d{4}-\d\d-\d\d|\d\d:\d\d/)
  })

  it("says where the work lies: in a container, or on a machine that is somebody's", () => {
    const inContainer = writeSystemPrompt(facts)
    expect(inContainer).toContain('cloned in /workspace,')
    expect(inContainer).toContain('A Linux container of your own')
    const place = { isolated: false, workspace: '/data/work', home: '/data/home', tmp: '/run/tmp' }
    const onMachine = writeSystemPrompt({ ...facts, place })
    expect(onMachine).toContain('cloned in /data/work,')
    expect(onMachine).toContain("No container: your commands are ordinary processes on a person's machine.")
    for (const folder of ['/data/home', '/run/tmp']) expect(onMachine).toContain(folder)
    for (const untrue of ['/workspace', '/home/agent', 'A Linux container', 'No network but'])
      expect(onMachine).not.toContain(untrue)
  })

  it('does not speak of tools that are not offered, nor of instructions that are not there', () => {
    const agent = { ...facts.agent, instructions: null }
    const prompt = writeSystemPrompt({ ...facts, agent, tools: new Set(['read_file']), projectInstructions: null })
    for (const word of ['update_tasks', 'create_pull_request', 'A command may take', '# Instructions']) {
      expect(prompt).not.toContain(word)
    }
  })
})
