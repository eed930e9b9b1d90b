/** What the model is told of the tools, made once for each run: the schemas do not change, and making them is dear. */
import { asSchema, type FlexibleSchema, jsonSchema, type ToolSet } from 'ai'
import type { Tool } from '../tools/tool.ts'

export interface ToolBox {
  byName: ReadonlyMap<string, Tool>
  /** Without `execute`: the loop runs tools itself, once the whole answer is there. */
  definitions: ToolSet
}

/** `allow`: names of the tools offered; null: all. */
export async function packTools(tools: readonly Tool[], allow: readonly string[] | null): Promise<ToolBox> {
  const offered = tools.filter((tool) => allow === null || allow.includes(tool.name))
  const definitions: ToolSet = {}
  for (const tool of offered) {
    const schema = await asSchema(tool.input as FlexibleSchema<unknown>).jsonSchema
    // Validation is ours (tool-call.ts), with words for the model; the SDK only parses.
    definitions[tool.name] = { description: tool.description, inputSchema: jsonSchema<unknown>(schema) }
  }
  return { byName: new Map(offered.map((tool) => [tool.name, tool])), definitions }
}
