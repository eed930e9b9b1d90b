/**
 * What Berth asks of a Docker engine, in its own narrow types, so that the driver and the image build know no client
 * library. Absent things are null; a refusal is an EngineRefusal with its HTTP status; an engine that does not answer is
 * a BerthError `engine_unreachable`. Must not know: agents, labels' meaning, images' content.
 */
import type { Duplex, Readable } from 'node:stream'

export interface ContainerDetails {
  id: string
  labels: Record<string, string>
  running: boolean
  outOfMemory: boolean
  exitCode: number | null
  /** Ids of the processes that were started in it by `exec`, ended ones too. */
  execIds: string[]
  /** Folders of the engine's machine that are mounted, by their place inside. */
  binds: Record<string, string>
}

export interface ContainerSummary {
  id: string
  labels: Record<string, string>
  /** created, running, paused, restarting, removing, exited or dead */
  state: string
}

export interface ExecDetails {
  /** Also while it is being started, which may fail yet. */
  running: boolean
  /** There is, or was, a process. */
  started: boolean
  exitCode: number | null
  command: string[]
}

export interface EngineEvent {
  /** die, oom, exec_die, ... */
  action: string
  containerId: string
  /** The container's labels and the event's own: exitCode, execID. */
  attributes: Record<string, string>
}

/** A container to make, in the engine's own shape (POST /containers/create). */
export type ContainerConfig = Record<string, unknown>

export interface ContainerEngine {
  /** As DOCKER_HOST would name it. */
  readonly address: string
  version(): Promise<{ version: string; architecture: string }>
  info(): Promise<{ storageDriver: string; securityOptions: string[]; operatingSystem: string }>
  findImage(name: string): Promise<{ id: string; labels: Record<string, string> } | null>

  /** `labels` are all required, as `key=value` or `key`. Stopped ones too. */
  listContainers(labels: string[]): Promise<ContainerSummary[]>
  findContainer(idOrName: string): Promise<ContainerDetails | null>
  /** Answers the id. A taken name is EngineRefusal 409. */
  createContainer(name: string, config: ContainerConfig): Promise<string>
  /** Starting a running one, stopping one that is stopped or gone, and removing one that is gone are no errors. */
  startContainer(id: string): Promise<void>
  stopContainer(id: string, graceSeconds: number): Promise<void>
  removeContainer(id: string): Promise<void>
  /** Last lines of both streams, in the order of the log. */
  readLogs(id: string, lines: number): Promise<string[]>

  /** Starts a process; `output` carries its standard error until it ends or is destroyed, which does not end the process. */
  exec(id: string, command: ExecCommand): Promise<{ execId: string; output: Readable }>
  /**
   * Starts a process and connects to it: what is written to the answer is its standard input, what is read its standard output;
   * `words` are what it has written to its standard error. Destroying it ends the input and not the process. `signal` gives up
   * the start.
   */
  openExec(id: string, command: ExecCommand, signal: AbortSignal): Promise<Duplex & { readonly words: string }>
  findExec(execId: string): Promise<ExecDetails | null>

  createVolume(name: string, labels: Record<string, string>): Promise<void>
  findVolume(name: string): Promise<{ labels: Record<string, string> } | null>
  listVolumes(labels: string[]): Promise<string[]>
  removeVolume(name: string): Promise<void>

  /** Container events from now on, until the engine goes away or `signal` aborts; then it simply ends. */
  events(options: { labels: string[]; actions: string[]; signal: AbortSignal }): Promise<AsyncIterable<EngineEvent>>
}

export interface ExecCommand {
  command: string[]
  user: string
  workingDirectory: string
  env: string[]
}

/** One message of a build, pull or import. */
export interface BuildMessage {
  stream?: string
  status?: string
  id?: string
  error?: string
  aux?: { ID?: string }
}

export interface ImageBuild {
  context: Readable
  dockerfile: string
  tag?: string
  buildArgs: Record<string, string>
  labels: Record<string, string>
  noCache: boolean
  /** Of its steps: the engine's own machine's, or the engine's default. Without it they have none. */
  network?: 'host' | 'default'
  signal: AbortSignal
}

export interface ImageEngine {
  build(build: ImageBuild): Promise<AsyncIterable<BuildMessage>>
  pull(image: string, signal: AbortSignal): Promise<AsyncIterable<BuildMessage>>
  /** `changes`: one Dockerfile instruction. Answers the image's id. */
  importTar(tar: Readable, options: { tag?: string; changes: string; signal: AbortSignal }): Promise<string>
  exportContainer(id: string, signal: AbortSignal): Promise<Readable>
  /** Resolves with the exit code when the container has ended. */
  waitForEnd(id: string, signal: AbortSignal): Promise<number>
  /** True when it is gone; false when it is in use. */
  removeImage(idOrName: string): Promise<boolean>
  /** An image made on top of this one, if there is any. `id` may be the short form. */
  findChildImage(id: string): Promise<string | null>
  /** Removes untagged images with this label and at least that old ("2h"), and the layers only they used; not those in use. */
  pruneImages(filter: { label: string; olderThan?: string }, signal: AbortSignal): Promise<void>
}

export interface EngineDetails {
  product: 'Docker' | 'Podman'
  /** e.g. "28.2.2" */
  version: string
  /** e.g. "1.50" */
  apiVersion: string
  /** Of the machine that the engine runs on. */
  hostName: string
  /** e.g. "Debian GNU/Linux 12 (bookworm)", "Docker Desktop" */
  operatingSystem: string
  storageDriver: string
  securityOptions: string[]
  /** "1" or "2" */
  cgroupVersion: string
  /** Where it keeps images and volumes, on its own machine. */
  rootDirectory: string
  memoryBytes: number
  cpus: number
  /** Which limits of a container its kernel can hold. */
  enforces: { memory: boolean; cpu: boolean; pids: boolean }
}

/** For checks of a set-up: asks, and changes nothing. */
export interface EngineInspection {
  inspectEngine(): Promise<EngineDetails>
  /** Resolves when the image's registry has it, asked by the engine without a pull. Rejects with EngineRefusal, in the registry's words. */
  askRegistry(image: string): Promise<void>
}

/** The engine answered, and said no. */
export class EngineRefusal extends Error {
  readonly statusCode: number
  constructor(statusCode: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'EngineRefusal'
    this.statusCode = statusCode
  }
}

export function isRefusal(error: unknown, statusCode: number): error is EngineRefusal {
  return error instanceof EngineRefusal && error.statusCode === statusCode
}
