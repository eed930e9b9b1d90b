/**
 * The tasks that a bench gives its agents, and what the scripted model does about each: the task's first words say what is
 * played, so that no script has to be handed over. Pure.
 */
import { readFile, runCommand, updateTasks } from '../demo/tool-inputs.ts'
import type { ModelRequest, Reply } from '../stand-ins/model/script.ts'

export const READ_FILE = 'src/format-duration.js'
/** Lines of READ_FILE that one step reads. */
const READ_LINES = 10
/** The loop guard ends a run that repeats itself: the steps read other lines in turn. */
const READ_PLACES = 8

export type Play =
  | { kind: 'answer' }
  /** `waits`: the first run ends at once, so that the sandbox is there and waits; the second one takes the steps. */
  | { kind: 'read' | 'command'; steps: number; waits?: boolean }
  | { kind: 'wait'; children: WaitingChildren }
  /** One answer that asks for so many calls of a tool that does nothing but write to the log. */
  | { kind: 'flood'; calls: number }

/** What the command of `wait` leaves to be ended: a child that heeds SIGTERM, one that ignores it, one that also left its group. */
export type WaitingChildren = 'heeding' | 'stubborn' | 'strayed'

/** Printed by a command of `wait` when it runs. */
export const WAITING_MARK = 'the-command-waits'
const WAIT_SECONDS = 600
/** What it waits with. */
export const WAITING_COMMAND = `sleep ${WAIT_SECONDS}`

let tasks = 0

/** A task in words; each is another, so that its calls can be told from all others. */
export function writeTask(play: Play): string {
  tasks += 1
  return `Bench ${JSON.stringify(play)} number ${tasks}`
}

function readTask(task: string): Play | null {
  const match = /^Bench (\{.*\}) number \d+$/.exec(task)
  return match?.[1] === undefined ? null : (JSON.parse(match[1]) as Play)
}

/** The model's script. Null: no task of a bench. */
export function answerTask({ conversation, turn }: Pick<ModelRequest, 'conversation' | 'turn'>): Reply | null {
  const play = readTask(conversation)
  if (play === null) return null
  if (play.kind === 'answer') return { text: 'Done.' }
  if (play.kind === 'wait') return { toolCalls: [runCommand(waitingCommand(play.children), WAIT_SECONDS)] }
  if (play.kind === 'flood') return turn === 0 ? flood(play.calls) : { text: 'Done.' }
  const step = play.waits ? turn - 1 : turn
  if (step < 0 || step >= play.steps) return { text: 'Done.' }
  return { toolCalls: [play.kind === 'read' ? readPart(step) : runCommand(`true # ${step}`)] }
}

function readPart(step: number) {
  const call = readFile(READ_FILE)
  return { ...call, input: { path: READ_FILE, offset: 1 + (step % READ_PLACES), limit: READ_LINES } }
}

function waitingCommand(children: WaitingChildren): string {
  const announce = `echo ${WAITING_MARK}; ${WAITING_COMMAND}`
  if (children === 'heeding') return announce
  // Both inherit that TERM is ignored.
  return `trap '' TERM; ${children === 'strayed' ? 'setsid ' : ''}${WAITING_COMMAND} & ${announce}`
}

/** Nothing is left to do in any of them: a task that is left would be asked after. */
function flood(calls: number): Reply {
  const call = (_: unknown, index: number) => updateTasks([{ title: `Part ${index + 1}`, status: 'completed' }])
  return { toolCalls: Array.from({ length: calls }, call) }
}
