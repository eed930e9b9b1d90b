/** What the public API takes and answers for agents. The routes validate with these and OpenAPI is generated from them. */
import { z } from 'zod'
import { MAX_COUNT } from '../../../container/contract/events.ts'
import { agentStatuses } from '../../domain/agent.ts'

/** "owner/repo", also from a pasted URL: https://host/owner/repo(.git) or git@host:owner/repo.git. */
export const githubRepo = z
  .string()
  .trim()
  .transform((value) =>
    value
      .replace(/^https?:\/\/[^/]+\//, '')
      .replace(/^(ssh:\/\/)?git@[^:/]+[:/]/, '')
      .replace(/\.git$/, '')
      .replace(/\/$/, ''),
  )
  .pipe(
    z
      .string()
      .regex(
        /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})\/[A-Za-z0-9._-]{1,100}$/,
        'must be "owner/repo", e.g. "expressjs/express"',
      )
      .refine((value) => !/\/\.{1,2}$/.test(value), 'must be "owner/repo", e.g. "expressjs/express"'),
  )

/** A branch name that git accepts (git-check-ref-format), at most 200 characters. */
export const branchName = z
  .string()
  .trim()
  .min(1)
  .max(200)
  .refine(
    (name) =>
      // biome-ignore lint/suspicious/noControlCharactersInRegex: git forbids control characters in ref names
      !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\/|^\/|\/$|\.$|^-|^@$/.test(name) &&
      !name.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock')),
    'must be a valid git branch name',
  )

/** A host, `*.domain`, or `host:port`, lower-cased. */
export const egressPattern = z
  .string()
  .trim()
  .toLowerCase()
  .regex(
    /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(:[1-9][0-9]{0,4})?$/,
    'must be a host name such as "files.example.com", "*.example.com" or "example.com:8443"',
  )

const money = z.number().positive().max(10_000)

export const limitsInput = z.strictObject({
  maxSteps: z.number().int().min(1).max(2_000).optional(),
  /** The log tells it with every step, and counts no further. */
  maxTokens: z
    .number()
    .int()
    .min(1)
    .max(MAX_COUNT, {
      error: ({ input }) =>
        `must be a whole number from 1 to ${MAX_COUNT}, or null for no limit; ${input} was received`,
    })
    .nullable()
    .optional(),
  maxCostUsd: money.nullable().optional(),
  maxCostUsdTotal: money.nullable().optional(),
  maxCostUsdPerDay: money.nullable().optional(),
  maxDurationMs: z
    .number()
    .int()
    .min(1_000)
    .max(7 * 24 * 3_600_000)
    .optional(),
  memoryBytes: z
    .number()
    .int()
    .min(256 * 1024 * 1024)
    .optional(),
  nanoCpus: z.number().int().min(100_000_000).optional(),
  pids: z.number().int().min(64).max(32_768).optional(),
  diskBytes: z
    .number()
    .int()
    .min(1024 * 1024)
    .nullable()
    .optional(),
})

export const toolsInput = z.strictObject({
  allow: z.array(z.string()).nullable().optional(),
  commandPolicy: z.literal('open', 'only "open" is built yet: the sandbox is the boundary').optional(),
  commands: z.array(z.string()).max(0, 'command lists are not built yet').optional(),
})

export const egressInput = z.strictObject({
  mode: z.enum(['none', 'allowlist', 'open']).optional(),
  allow: z.array(egressPattern).max(200).optional(),
})

/** Names that would change the bridge itself rather than what the agent runs. */
const RESERVED_ENV = /^(BERTH_|LD_|NODE_REPL_)|^(NODE_OPTIONS|NODE_PATH|GCONV_PATH|OPENSSL_CONF)$/

const envInput = z
  .record(
    z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be the name of an environment variable'),
    z
      .string()
      .max(8_192)
      .refine((value) => !value.includes('\0'), 'must not contain U+0000'),
  )
  .refine((env) => Object.keys(env).length <= 100, 'must have at most 100 variables')
  .refine(
    (env) => !Object.keys(env).some((name) => RESERVED_ENV.test(name)),
    'must not name BERTH_*, LD_*, NODE_OPTIONS, NODE_PATH, NODE_REPL_*, GCONV_PATH or OPENSSL_CONF; set those inside a command',
  )

/** A shell script; blank is none. */
const setupScript = z
  .string()
  .max(65_536)
  .refine((script) => !script.includes('\0'), 'must not contain U+0000')
  .nullable()
  .transform((script) => (script === null || script.trim() === '' ? null : script))

export const createAgentInput = z.strictObject({
  task: z.string().trim().min(1).max(100_000),
  name: z.string().trim().min(1).max(120).optional(),
  githubRepo,
  sourceBranch: branchName.optional(),
  targetBranch: branchName.optional(),
  model: z.string().trim().min(1).max(200).optional(),
  instructions: z.string().max(100_000).nullable().optional(),
  limits: limitsInput.optional(),
  tools: toolsInput.optional(),
  egress: egressInput.optional(),
  env: envInput.optional(),
  readRepos: z.array(githubRepo).max(50).optional(),
  autoPullRequest: z.boolean().optional(),
  adoptTargetBranch: z.boolean().optional(),
  setupScript: setupScript.optional(),
  /** Accepted when it asks for nothing; refused as `not_built_yet` otherwise. */
  requireApproval: z.unknown().optional(),
})
export type CreateAgentInput = z.infer<typeof createAgentInput>

/** What can be changed afterwards: everything but what the work is about. */
export const changeAgentInput = createAgentInput
  .pick({ name: true, model: true, instructions: true, limits: true, tools: true, egress: true, env: true })
  .extend({
    autoPullRequest: z.boolean().optional(),
    setupScript: setupScript.optional(),
    requireApproval: z.unknown().optional(),
  })
export type ChangeAgentInput = z.infer<typeof changeAgentInput>

export const listAgentsInput = z.strictObject({
  status: z.enum(agentStatuses).optional(),
  q: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
})
export type ListAgentsInput = z.infer<typeof listAgentsInput>

export const resumeInput = z.strictObject({ newTask: z.string().trim().min(1).max(100_000).optional() })
export const chatInput = z.strictObject({
  message: z.string().trim().min(1).max(100_000),
  mode: z.enum(['queue', 'interrupt']).optional(),
})
export const rewordInput = z.strictObject({ message: z.string().trim().min(1).max(100_000) })
export const divergenceInput = z.strictObject({ choice: z.enum(['clone_again', 'keep', 'merge']) })
export const startInput = z.strictObject({})
export const deleteInput = z.strictObject({ purge: z.enum(['true', 'false']).optional() })
export const emptyInput = z.strictObject({})

/** An agent as the API shows it. */
export interface AgentView {
  id: string
  name: string
  task: string
  instructions: string | null
  githubRepo: string
  sourceBranch: string
  targetBranch: string
  adoptTargetBranch: boolean
  autoPullRequest: boolean
  readRepos: string[]
  model: string
  limits: import('../../domain/agent.ts').Limits
  tools: import('../../domain/agent.ts').ToolPolicy
  egress: import('../../domain/agent.ts').AgentEgress
  env: Record<string, string>
  setupScript: string | null
  status: import('../../domain/agent.ts').AgentStatus
  statusDetail: import('../../domain/agent.ts').StatusDetail | null
  needs: 'approval' | 'input' | 'divergence' | null
  /** What a person has to decide while `needs` is `divergence`. */
  divergence: import('../../domain/agent.ts').Divergence | null
  queued: number
  /** False where it runs, or will run, without isolation; null before it has had a sandbox that is isolated. */
  isolated: boolean | null
  lastSeq: number
  pullRequest: import('../../domain/agent.ts').AgentPullRequest | null
  additions: number
  deletions: number
  costUsd: number
  /** The latest run, or null before the first. */
  run: RunView | null
  createdAt: string
  updatedAt: string
}

export interface RunView {
  id: string
  task: string
  status: 'PENDING' | 'RUNNING' | 'ENDED'
  reason: string | null
  summary: string | null
  steps: number
  inputTokens: number
  outputTokens: number
  costUsd: number
  createdAt: string
  startedAt: string | null
  endedAt: string | null
}

/** Words that wait for a run in progress. */
export interface QueuedMessageView {
  /** Becomes the id of its `message` event. */
  id: string
  text: string
  from: { userId: string; name: string }
  mode: 'queue' | 'interrupt'
  createdAt: string
}

/** The same in a page and in the stream, where `event:` is the type. Deltas have seq 0 and are in the stream only. */
export interface EventView {
  seq: number
  type: string
  runId: string | null
  createdAt: string
  data: Record<string, unknown>
}

export interface Page<T> {
  items: T[]
  nextCursor: string | null
}
