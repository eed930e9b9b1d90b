/**
 * How sandboxes are made. One port, one contract suite for every adapter (docker, kubernetes, process, and the fake).
 * Owns: the life of a container and its volumes, and reaching the bridge in it. Must not know: agents' states, the
 * database, what is said over the connection.
 */
import type { Duplex } from 'node:stream'

export type DriverKind = 'docker' | 'kubernetes' | 'process'

/** What a sandbox is found by. Never by name, never from memory. */
export interface SandboxLabels {
  /** `berth.installation` */
  installationId: string
  /** `berth.agent` */
  agentId: string
  /** `berth.incarnation`: new each time a container is made for the agent */
  incarnation: string
}

export interface SandboxSpec extends SandboxLabels {
  image: string
  memoryBytes: number
  nanoCpus: number
  /** Processes and threads at once. */
  pids: number
  /** Size of the executable tmpfs on /tmp. */
  tmpBytes: number
  /** SHA-256 (hex) of the bearer token that requests to this incarnation's bridge carry. */
  bridgeTokenSha256: string
  /** For the bridge and, without the bridge's own variables, for everything the agent runs. No secrets. */
  agentEnv: Record<string, string>
}

export type SandboxState = 'running' | 'stopped'

/** A sandbox as the engine shows it. */
export interface Sandbox extends SandboxLabels {
  /** The engine's own id. */
  engineId: string
  state: SandboxState
  /** The engine killed it for want of memory, when it knows. */
  outOfMemory: boolean
  exitCode: number | null
}

export interface EngineStatus {
  reachable: boolean
  /** e.g. "Docker 28.2.2 (overlay2)"; or why it cannot be reached, and what to do, for a person. */
  description: string
  version: string | null
}

export interface SandboxDriver {
  readonly kind: DriverKind
  /** False where the agent runs with this machine's own rights: shown wherever such an agent is. */
  readonly isolated: boolean

  /** Never throws: an engine that does not answer is a status. */
  probe(): Promise<EngineStatus>
  /**
   * Does once what the first sandbox would otherwise wait for (finding out how a bridge is reached, making programs). Called
   * when the control plane starts; `create` and `start` do it themselves where it was not, or failed. Idempotent.
   */
  prepare(image: string, signal?: AbortSignal): Promise<void>
  /** Throws `image_missing` when the image is not there; does not build it. */
  assertImage(image: string): Promise<void>
  /** Hosts that the image's own package managers say they use: kept as its label when it is built. */
  defaultEgressHosts(image: string): Promise<string[]>

  /**
   * Makes the volumes that are missing and the container, starts it, starts the runner in it. Returns when the container
   * runs; the bridge may still be on its way up. On failure nothing is left but volumes that existed before, and the error
   * is `start_failed` with the last 50 log lines in `details.logTail`.
   */
  create(spec: SandboxSpec, signal?: AbortSignal): Promise<Sandbox>
  /** Starts a stopped sandbox and its runner again; a running one only gets its runner if that is gone. */
  start(sandbox: SandboxLabels): Promise<Sandbox>
  /** Stops the container and keeps it. Idempotent. */
  stop(sandbox: SandboxLabels): Promise<void>
  /** Removes the container, running or not; volumes stay. Idempotent: what is gone is gone. */
  remove(sandbox: SandboxLabels): Promise<void>
  /** Removes an agent's volumes for good. Idempotent. The only thing that does. */
  removeVolumes(owner: { installationId: string; agentId: string }): Promise<void>
  /** Starts the runner if none is running in the sandbox. Idempotent. */
  ensureRunner(sandbox: SandboxLabels): Promise<void>

  /** Every sandbox of the installation, or of one agent in it. */
  list(filter: { installationId: string; agentId?: string }): Promise<Sandbox[]>
  /** A new connection to the bridge's socket, checked as DESIGN section 2 says. Rejects when nothing listens yet. */
  dial(sandbox: SandboxLabels): Promise<Duplex>
  /** Last lines of the container's log. */
  logs(sandbox: SandboxLabels, lines: number): Promise<string[]>
  /**
   * Calls back when a sandbox of the installation ends by itself, and gives those of agents that it `minds` (default: all) their
   * runner back. Returns the way to stop watching.
   */
  watch(
    installationId: string,
    onEnd: (sandbox: Sandbox) => void,
    minds?: (agentId: string) => boolean,
  ): Promise<() => void>
  /** Closes connections to the engine. Sandboxes go on. */
  close(): Promise<void>
}
