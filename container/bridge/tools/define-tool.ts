/** What every tool has in common: the shape of its answers, and that a refusal of the workspace is one of them. */
import { WorkspaceError } from '../workspace-port.ts'
import type { Tool, ToolOutput } from './tool.ts'

/** The tool, with a WorkspaceError answered as an `error` output in its words. What else it throws is a defect. */
export function defineTool<Input>(tool: Tool<Input>): Tool<Input> {
  return {
    ...tool,
    async execute(input, context) {
      try {
        return await tool.execute(input, context)
      } catch (error) {
        if (error instanceof WorkspaceError) return failure(error.message, { code: error.code })
        throw error
      }
    },
  }
}

export function success(output: string, detail?: Record<string, unknown>): ToolOutput {
  return { output, outcome: 'ok', ...(detail && { detail }) }
}

export function failure(output: string, detail?: Record<string, unknown>): ToolOutput {
  return { output, outcome: 'error', ...(detail && { detail }) }
}
