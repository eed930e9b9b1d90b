/** The bridge's settings: the one place in it that reads the environment. All wrong values are named at once. */
import path from 'node:path'
import { z } from 'zod'
import { PROXY_PORT, SANDBOX_PATHS } from '../contract/tunnel.ts'
import type { SandboxPlace } from './executor/system-prompt.ts'

const environment = z.object({
  BERTH_AGENT_ID: z.string().min(1),
  BERTH_INCARNATION: z.string().min(1),
  BERTH_TOKEN_SHA256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hex'),
  BERTH_SOCKET: z.string().default(SANDBOX_PATHS.socket),
  BERTH_RUNNER_SOCKET: z.string().default(SANDBOX_PATHS.runnerSocket),
  BERTH_STATE: z.string().default(SANDBOX_PATHS.state),
  /** 0 takes a free one. */
  BERTH_PROXY_PORT: z.coerce.number().int().min(0).max(65_535).default(PROXY_PORT),
  /** Where the runner works, as the model is told: the bridge itself goes nowhere of these. */
  BERTH_WORKSPACE: z.string().default(SANDBOX_PATHS.workspace),
  BERTH_HOME: z.string().default(SANDBOX_PATHS.home),
  BERTH_TMP: z.string().default('/tmp'),
  /** no: the runner is an ordinary process of a person's machine. */
  BERTH_ISOLATED: z.enum(['yes', 'no']).default('yes'),
  BERTH_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

export interface BridgeConfig {
  agentId: string
  incarnation: string
  /** Hex. */
  tokenSha256: string
  socketPath: string
  runnerSocketPath: string
  stateDirectory: string
  proxyPort: number
  place: SandboxPlace
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** Throws an Error that names every wrong variable. */
export function readBridgeConfig(env: NodeJS.ProcessEnv = process.env): BridgeConfig {
  const parsed = environment.safeParse(env)
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${String(issue.path[0])}: ${issue.message}`)
    throw new Error(`The bridge's environment is not complete:\n  ${problems.join('\n  ')}`)
  }
  const e = parsed.data
  return {
    agentId: e.BERTH_AGENT_ID,
    incarnation: e.BERTH_INCARNATION,
    tokenSha256: e.BERTH_TOKEN_SHA256,
    socketPath: path.resolve(e.BERTH_SOCKET),
    runnerSocketPath: path.resolve(e.BERTH_RUNNER_SOCKET),
    stateDirectory: path.resolve(e.BERTH_STATE),
    proxyPort: e.BERTH_PROXY_PORT,
    place: {
      isolated: e.BERTH_ISOLATED === 'yes',
      workspace: e.BERTH_WORKSPACE,
      home: e.BERTH_HOME,
      tmp: e.BERTH_TMP,
    },
    logLevel: e.BERTH_LOG_LEVEL,
  }
}
