/** The thread of bare-loops.ts. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { workerData } from 'node:worker_threads'
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import { isLoopFinished, streamText, tool } from 'ai'
import { z } from 'zod'
import type { BareLoops } from './bare-loops.ts'

const { modelUrl, modelKey, modelId, directory, tasks } = workerData as BareLoops
const provider = createOpenRouter({ baseURL: modelUrl, apiKey: modelKey })

const readLines = tool({
  description: 'Reads lines of a file.',
  inputSchema: z.object({ path: z.string(), offset: z.number(), limit: z.number() }),
  execute: async ({ path: file, offset, limit }) => {
    const text = await readFile(path.join(directory, file), 'utf8')
    return text
      .split('\n')
      .slice(offset - 1, offset - 1 + limit)
      .join('\n')
  },
})

async function play(task: string): Promise<void> {
  const { stream } = streamText({
    model: provider.chat(modelId, { usage: { include: true } }),
    prompt: task,
    tools: { read_file: readLines },
    stopWhen: isLoopFinished(),
  })
  for await (const part of stream) if (part.type === 'error') throw part.error
}

await Promise.all(tasks.map(play))
