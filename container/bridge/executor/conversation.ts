/**
 * The conversation that the model sees: a fold of the log, one entry at a time, so that a step costs the same at step 10 and
 * at step 2,000. Live events, a journal read again and a history sent by the control plane all go through the same fold and
 * give the same messages. Owns: which events become which message. Must not know: the journal's file, the provider.
 *
 * One step is one assistant message (reasoning, text, tool calls) and one tool message with the results in call order. A
 * person's words enter where a `run_started` refers to them; a `notice` of `thinking` is a user message before that step.
 */
import type { ModelMessage } from 'ai'
import type { HistoryEvent } from '../../contract/bridge.ts'
import { type SandboxEventData, type SandboxEventType, sandboxEventData } from '../../contract/events.ts'
import type { JournalEntry } from '../journal/journal.ts'

type AssistantMessage = Extract<ModelMessage, { role: 'assistant' }>
type AssistantPart = Exclude<AssistantMessage['content'], string>[number]
type ToolMessage = Extract<ModelMessage, { role: 'tool' }>
type ProviderOptions = NonNullable<AssistantMessage['providerOptions']>

/** A `tool_call` whose result is not in the log. */
export interface OpenCall {
  toolCallId: string
  tool: string
  step: number
  runId: string | null
}

export interface Conversation {
  apply(entry: JournalEntry): void
  /** The same array each time, grown: to be read, not changed. */
  messages(): readonly ModelMessage[]
  openCalls(): OpenCall[]
  /** True when a `run_started` of this run went by. */
  hasRun(runId: string): boolean
  knowsMessage(eventId: string): boolean
  /** Ids of the words that the model has not been given, in order. */
  unheard(): string[]
  knowsCall(toolCallId: string): boolean
}

/** What the model reads in place of a result that never came. */
export const INTERRUPTED_OUTPUT =
  'Interrupted: this call was cut off and its result is lost. It may have taken effect in part or in full: look before you run it again.'

interface State {
  messages: ModelMessage[]
  /** A person's words by the id of their event. */
  said: Map<string, string>
  answered: Set<string>
  runs: Set<string>
  callIds: Set<string>
  open: Map<string, OpenCall & { index: number }>
  /** Reasoning that waits for the step's text or calls: alone it is no message. */
  reasoning: AssistantPart[]
  options: ProviderOptions | undefined
  assistant: (AssistantMessage & { content: AssistantPart[] }) | null
  results: ToolMessage | null
  /** Place of each result within its step, beside `results.content`. */
  order: number[]
  calls: number
  model: string | null
}

export function createConversation(): Conversation {
  let state = emptyState()
  const fold = (event: FoldedEvent) => foldEvent(state, event)
  return {
    apply(entry) {
      if (entry.kind === 'event') return fold(entry.event)
      if (entry.input.kind === 'message') {
        state.said.set(entry.input.message.eventId, entry.input.message.text)
        return
      }
      state = emptyState()
      for (const event of entry.input.events) fold(event)
    },
    messages: () => state.messages,
    openCalls: () => [...state.open.values()].map(({ index: _index, ...call }) => call),
    hasRun: (runId) => state.runs.has(runId),
    knowsMessage: (eventId) => state.said.has(eventId),
    unheard: () => [...state.said.keys()].filter((eventId) => !state.answered.has(eventId)),
    knowsCall: (toolCallId) => state.callIds.has(toolCallId),
  }
}

function emptyState(): State {
  return {
    messages: [],
    said: new Map(),
    answered: new Set(),
    runs: new Set(),
    callIds: new Set(),
    open: new Map(),
    reasoning: [],
    options: undefined,
    assistant: null,
    results: null,
    order: [],
    calls: 0,
    model: null,
  }
}

type FoldedEvent = Pick<HistoryEvent, 'type' | 'runId' | 'data'> & { id?: unknown }

type Fold<T extends SandboxEventType> = (state: State, data: SandboxEventData<T>, event: FoldedEvent) => void

const folds: { [T in SandboxEventType]?: Fold<T> } = {
  run_started: beginRun,
  thinking: beginStep,
  reasoning: (state, { text, providerMetadata }) => {
    state.options ??= asOptions(providerMetadata)
    state.reasoning.push({ type: 'reasoning', text })
  },
  text: (state, { text, providerMetadata }) => {
    state.options ??= asOptions(providerMetadata)
    addPart(state, { type: 'text', text })
  },
  tool_call: addCall,
  tool_result: addResult,
}

/** Events of no meaning to the model, and those that an older or newer bridge wrote in another shape, are passed over. */
function foldEvent(state: State, event: FoldedEvent): void {
  const { type, id, data } = event
  if (type === 'message' && typeof id === 'string' && typeof data.text === 'string') state.said.set(id, data.text)
  if (Object.hasOwn(folds, type)) foldAs(type as SandboxEventType, state, event)
}

function foldAs<T extends SandboxEventType>(type: T, state: State, event: FoldedEvent): void {
  const parsed = sandboxEventData[type].safeParse(event.data)
  if (parsed.success) folds[type]?.(state, parsed.data as SandboxEventData<T>, event)
}

function beginRun(state: State, data: SandboxEventData<'run_started'>, { runId }: FoldedEvent): void {
  closeStep(state)
  if (runId !== null) state.runs.add(runId)
  if (state.model !== null && state.model !== data.model) forgetReasoning(state)
  state.model = data.model
  if (!state.said.has(data.inputEventId)) return
  // With what was said before it and never answered: its run ended before it began.
  for (const [eventId, text] of state.said) {
    if (!state.answered.has(eventId)) state.messages.push({ role: 'user', content: text })
    state.answered.add(eventId)
    if (eventId === data.inputEventId) return
  }
}

function beginStep(state: State, { notice, inputEventIds = [] }: SandboxEventData<'thinking'>): void {
  closeStep(state)
  for (const eventId of inputEventIds) {
    const text = state.said.get(eventId)
    if (text === undefined || state.answered.has(eventId)) continue
    state.messages.push({ role: 'user', content: text })
    state.answered.add(eventId)
  }
  if (typeof notice === 'string' && notice !== '') state.messages.push({ role: 'user', content: notice })
}

/** Calls that are still open get a result, because providers refuse a call without one. */
function closeStep(state: State): void {
  for (const call of [...state.open.values()]) {
    addResult(state, { ...call, outcome: 'interrupted', output: INTERRUPTED_OUTPUT, durationMs: 0 })
  }
  state.reasoning = []
  state.options = undefined
  state.assistant = null
  state.results = null
  state.order = []
  state.calls = 0
}

function addPart(state: State, part: AssistantPart): void {
  if (state.assistant === null) {
    state.assistant = {
      role: 'assistant',
      content: state.reasoning,
      ...(state.options ? { providerOptions: state.options } : {}),
    }
    state.reasoning = []
    state.messages.push(state.assistant)
  }
  state.assistant.content.push(part)
}

function addCall(state: State, data: SandboxEventData<'tool_call'>, { runId }: FoldedEvent): void {
  state.options ??= asOptions(data.providerMetadata)
  addPart(state, {
    type: 'tool-call',
    toolCallId: data.toolCallId,
    toolName: data.tool,
    input: asObject(data.input),
  })
  state.callIds.add(data.toolCallId)
  state.open.set(data.toolCallId, {
    toolCallId: data.toolCallId,
    tool: data.tool,
    step: data.step,
    runId,
    index: state.calls,
  })
  state.calls += 1
}

function addResult(
  state: State,
  data: Pick<SandboxEventData<'tool_result'>, 'toolCallId' | 'outcome' | 'output' | 'durationMs'>,
): void {
  const call = state.open.get(data.toolCallId)
  if (call === undefined) return
  state.open.delete(data.toolCallId)
  if (state.results === null) {
    state.results = { role: 'tool', content: [] }
    state.messages.push(state.results)
  }
  const place = state.order.filter((index) => index < call.index).length
  state.order.splice(place, 0, call.index)
  state.results.content.splice(place, 0, {
    type: 'tool-result',
    toolCallId: call.toolCallId,
    toolName: call.tool,
    output: {
      type: data.outcome === 'ok' ? 'text' : 'error-text',
      value: data.output === '' ? '(no output)' : data.output,
    },
  })
}

/** Another model cannot use the reasoning of the last one, and may refuse its signatures. */
function forgetReasoning(state: State): void {
  for (const message of state.messages) {
    if (message.role !== 'assistant' || typeof message.content === 'string') continue
    message.content = message.content.filter((part) => part.type !== 'reasoning')
    delete message.providerOptions
  }
}

function asOptions(metadata: SandboxEventData<'text'>['providerMetadata']): ProviderOptions | undefined {
  return metadata as ProviderOptions | undefined
}

function asObject(input: unknown): unknown {
  return typeof input === 'object' && input !== null && !Array.isArray(input) ? input : {}
}
