/**
 * An agent in whose sandbox things are tried: by shell lines and programs of whichever user, and by runs of the scripted model.
 * For the boundary's tests of the sandbox.
 */
import path from 'node:path'
import type { SandboxLabels } from '../../lib/drivers/sandbox/port.ts'
import type { RunView } from '../../lib/services/agent/schemas.ts'
import { runCommand } from '../../scripts/demo/tool-inputs.ts'
import {
  contentText,
  type ModelRequest,
  type Reply,
  type ScriptedToolCall,
} from '../../scripts/stand-ins/model/script.ts'
import type { BoundaryAgent, BoundaryRig } from './boundary-rig.ts'

export const BRIDGE_USER = '990:990'
/** For a poll: a container is asked each time. */
export const SLOW = { timeout: 30_000 }

export interface TriedAgent extends BoundaryAgent {
  /** What a shell line says, begun in / by the agent's user unless `user` says another. */
  output(command: string, user?: string): Promise<string>
  /** What a Python program says. */
  python(code: string, user?: string): Promise<string>
  /** Gives it an instruction; answers the run that it becomes. */
  resume(words: string): Promise<RunView>
  /** The same, to the end of the run; answers the data of its `done`. */
  work(words: string): Promise<Record<string, unknown>>
  /** Its sandbox as the host has it: the labels, and the folder of the bridge's socket. */
  sandbox(): Promise<{ labels: SandboxLabels; folder: string }>
  /** When its container was started last. */
  startedAt(): Promise<string>
}

export async function startTriedAgent(rig: BoundaryRig): Promise<TriedAgent> {
  const agent = await rig.startAgent()
  const output: TriedAgent['output'] = async (command, user) =>
    (await agent.sh(command, { directory: '/', ...(user === undefined ? {} : { user }) })).output
  const resume = async (words: string) => (await rig.api.resumeAgent(agent.id, words)).run
  return {
    ...agent,
    output,
    python: (code, user) => output(`python3 - <<'PROGRAM'\n${code}\nPROGRAM`, user),
    resume,
    async work(words) {
      const run = await resume(words)
      return (await agent.untilRunIsOver(run.id)).data
    },
    async sandbox() {
      const { installationId, settings, stores } = rig.parts
      const incarnation = (await stores.agents.find(agent.id))?.incarnation ?? ''
      const folder = path.join(settings.dataDirectory, 'sockets', incarnation)
      return { labels: { installationId, agentId: agent.id, incarnation }, folder }
    },
    async startedAt() {
      const shown: unknown = await rig.engine.inspect(agent.id)
      return (shown as { State: { StartedAt: string } }).State.StartedAt
    },
  }
}

/** One command of a run, which the model calls with an id by which its result is found. */
export const callCommand = (id: string, command: string, seconds = 60): ScriptedToolCall => ({
  ...runCommand(command, seconds),
  id,
})

/** A model that answers the last words of the person with the tool calls that are theirs, and then, as all others, with an end. */
export function scriptInstructions(instructions: Record<string, ScriptedToolCall[]>) {
  return ({ body }: ModelRequest): Reply => {
    const at = body.messages.findLastIndex(({ role }) => role === 'user')
    const calls = instructions[contentText(body.messages[at]?.content)]
    return calls === undefined || at < body.messages.length - 1
      ? { text: 'Ready.' }
      : { text: 'I try.', toolCalls: calls }
  }
}
