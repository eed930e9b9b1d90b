import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { tools } from '../../../../../container/bridge/tools/index.ts'

const schemaOf = (tool: (typeof tools)[number]) =>
  z.toJSONSchema(tool.input, { io: 'input' }) as Record<string, unknown>

describe('the tools', () => {
  it('are these', () => {
    expect(tools.map((tool) => tool.name)).toEqual([
      'read_file',
      'write_file',
      'edit_file',
      'list_directory',
      'search_files',
      'find_files',
      'git_status',
      'git_diff',
      'git_log',
      'run_command',
      'update_tasks',
      'create_pull_request',
    ])
  })

  it.each(tools)('$name has a required field, refuses {} and unknown fields, and describes every field', (tool) => {
    const schema = schemaOf(tool)
    expect(schema.type).toBe('object')
    expect(schema.required).not.toEqual([])
    expect(schema.additionalProperties).toBe(false)
    expect(tool.input.safeParse({}).success).toBe(false)
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      expect(field, `${tool.name}.${name}`).toHaveProperty('description')
    }
    expect(tool.description.length).toBeGreaterThan(40)
  })
})
