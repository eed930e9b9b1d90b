/**
 * The tunnel: HTTP/2 in reverse over connections that the control plane opens to the bridge's socket (`GET /tunnel`,
 * `Upgrade: berth-tunnel`). The bridge is the HTTP/2 client, the control plane the server; `:authority` alone routes.
 */
export const TUNNEL_UPGRADE = 'berth-tunnel'

/** Two connections, so that a flood of one never starves the other. */
export type TunnelKind = 'control' | 'egress'

export const MODEL_AUTHORITY = 'model.berth'
export const GIT_AUTHORITY = 'git.berth'
/** The bridge's own, like model.berth: opens or updates this agent's pull request. Never reachable through the proxy. */
export const FORGE_AUTHORITY = 'forge.berth'

/** The bridge's own: words that people said during the run. Never reachable through the proxy. */
export const PEOPLE_AUTHORITY = 'people.berth'

/** On requests to model.berth, forge.berth and people.berth: the run in progress that asks. */
export const RUN_HEADER = 'x-berth-run'
/** On a plain-http egress request: the proxy saw an absolute-form request line. */
export const EGRESS_HEADER = 'x-berth-egress'
/** On a refusal: a short code (`rule`), and words a person can act on, ASCII, at most 1,000 characters. */
export const REFUSAL_CODE_HEADER = 'x-berth-refusal'
export const REFUSAL_REASON_HEADER = 'x-berth-reason'

/** A bridge opens at most so many streams at once on one connection and queues beyond that; the control plane takes twice as many. */
export const MAX_STREAMS: Record<TunnelKind, number> = { control: 32, egress: 128 }
export const INITIAL_WINDOW_BYTES = 1 << 20
export const MAX_HEADER_BYTES = 64 * 1024
/** How long the control plane waits for an upstream that says nothing. */
export const UPSTREAM_SILENCE_MS = 5 * 60_000

/** Where things lie inside a sandbox. */
export const SANDBOX_PATHS = {
  /** The directory mounted from the host; holds the bridge's socket and nothing else. */
  socketDirectory: '/run/berth-bridge',
  socket: '/run/berth-bridge/bridge.sock',
  /** The bridge's own tmpfs, 0755: the runner connects here. */
  runnerSocket: '/run/berth/runner.sock',
  state: '/state',
  workspace: '/workspace',
  home: '/home/agent',
  /** What the agent may search: whole command outputs. */
  outputs: '/home/agent/.berth',
  install: '/opt/berth',
} as const

export const BRIDGE_UID = 990
export const AGENT_UID = 1000
export const PROXY_PORT = 3128

/** POST forge.berth/pull-request: what the create_pull_request tool asks for. The branch was pushed before. */
export interface PullRequestRequest {
  title: string
  body: string
}
export interface PullRequestAnswer {
  number: number
  url: string
  action: 'opened' | 'updated'
}

/**
 * POST people.berth/take: all that was said to the run since its task, oldest first; what waited is the run's from then on, and in
 * the log under these ids. So an answer that is lost on its way is had by asking again, and a bridge passes over ids that it knows.
 */
export interface TakenMessages {
  messages: { eventId: string; text: string }[]
}
