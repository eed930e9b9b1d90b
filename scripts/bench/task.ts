/**
 * The tasks that a bench gives its agents, and what the scripted model does about each: the task's first words say what is
 * played, so that no script has to be handed over. Pure.
 */
import { readFile, runCommand } from '../demo/tool-inputs.ts'
import type { ModelRequest, Reply } from '../stand-ins/model/script.ts'

export const READ_FILE = 'src/format-duration.js'
/** Lines of READ_FILE that one step reads. */
const READ_LINES = 10
/** The loop guard ends a run that repeats itself: the steps read other lines in turn. */
const READ_PLACES = 8

export type Play =
  | { kind: 'answer' }
  | { kind: 'read' | 'command'; steps: number }
  /** `stubborn`: a process and its child that ignore SIGTERM. */
  | { kind: 'wait'; stubborn: boolean }

/** Printed by a command of `wait` when it runs. */
export const WAITING_MARK = 'the-command-waits'
const WAIT_SECONDS = 600

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
  if (play.kind === 'wait') return { toolCalls: [runCommand(waitingCommand(play.stubborn), WAIT_SECONDS)] }
  if (turn >= play.steps) return { text: 'Done.' }
  return { toolCalls: [play.kind === 'read' ? readPart(turn) : runCommand(`true # ${turn}`)] }
}

function readPart(turn: number) {
  const call = readFile(READ_FILE)
  return { ...call, input: { path: READ_FILE, offset: 1 + (turn % READ_PLACES), limit: READ_LINES } }
}

function waitingCommand(stubborn: boolean): string {
  const wait = `sleep ${WAIT_SECONDS}`
  return stubborn ? `trap '' TERM; ${wait} & echo ${WAITING_MARK}; ${wait}` : `echo ${WAITING_MARK}; ${wait}`
}
