/** A sandbox's container in the engine's shape: everything that isolates it is decided here. Pure. */
import { AGENT_UID, BRIDGE_UID, SANDBOX_PATHS } from '../../../../container/contract/tunnel.ts'
import { assertAgentVariables } from '../agent-variables.ts'
import type { SandboxSpec } from '../port.ts'
import type { ContainerConfig, ExecCommand } from './engine/engine.ts'
import { LABEL, toContainerLabels } from './labels.ts'
import { volumeName, volumeParts } from './volumes.ts'

export const NODE = `${SANDBOX_PATHS.install}/bin/node`
export const BRIDGE_PROGRAM = `${SANDBOX_PATHS.install}/bridge.cjs`
export const RUNNER_PROGRAM = `${SANDBOX_PATHS.install}/runner.cjs`
const RELAY_PROGRAM = `${SANDBOX_PATHS.install}/relay.cjs`
const RUNNER_TMPFS = '/run/berth'
/** For tests that listen: also in NO_PROXY of the image. */
const HOST_NAME = 'agent'

/**
 * What makes Node ready for a proxy and for extra certificates costs a start 30 ms; the bridge itself uses neither. Its source
 * comes compiled with the image (container/agent.Dockerfile); the variable is the bridge's alone, not the agent's.
 */
const bridgeCommand = [
  '/usr/bin/env',
  ...[
    '-u',
    'NODE_USE_ENV_PROXY',
    '-u',
    'NODE_EXTRA_CA_CERTS',
    `NODE_COMPILE_CACHE=${SANDBOX_PATHS.install}/compile-cache`,
  ],
  NODE,
  BRIDGE_PROGRAM,
]

export interface ContainerPlan {
  spec: SandboxSpec
  /** The host's directory for the bridge's socket; null where the bridge is reached through exec. */
  socketDirectory: string | null
  /** The engine's kernel knows IPv6: without it the sysctl does not exist and the container would not start. */
  ipv6: boolean
}

/** What keeps a container of the agent image apart from everything, whatever runs in it. */
export const isolation = {
  NetworkMode: 'none',
  CapDrop: ['ALL'],
  SecurityOpt: ['no-new-privileges:true'],
  ReadonlyRootfs: true,
  IpcMode: 'private',
  Init: true,
  // A program that crashes would leave one in the workspace, and the next commit would take it along.
  Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
  RestartPolicy: { Name: 'no' },
}

export const bridgeUser = `${BRIDGE_UID}:${BRIDGE_UID}`

/** Its own, so that nothing can be put there by anybody else. */
const bridgeTmpfs = `rw,noexec,nosuid,nodev,mode=0755,uid=${BRIDGE_UID},gid=${BRIDGE_UID},size=1m`

/** Throws `validation_failed` when `agentEnv` names a variable that an agent cannot have. */
export function toContainerConfig({ spec, socketDirectory, ipv6 }: ContainerPlan): ContainerConfig {
  return {
    Image: spec.image,
    User: bridgeUser,
    Cmd: bridgeCommand,
    WorkingDir: SANDBOX_PATHS.workspace,
    Hostname: HOST_NAME,
    Env: toEnvironment(spec),
    Labels: { ...toContainerLabels(spec), ...(socketDirectory === null ? { [LABEL.reach]: 'relay' } : {}) },
    StopSignal: 'SIGTERM',
    HostConfig: {
      ...isolation,
      Tmpfs: {
        // The engine's default is noexec; builds and tests run what they put in /tmp.
        '/tmp': `rw,exec,nosuid,nodev,mode=1777,size=${spec.tmpBytes}`,
        [RUNNER_TMPFS]: bridgeTmpfs,
        ...(socketDirectory === null ? { [SANDBOX_PATHS.socketDirectory]: bridgeTmpfs } : {}),
      },
      Mounts: [
        ...volumeParts.map(({ part, target }) => ({ Type: 'volume', Source: volumeName(spec, part), Target: target })),
        ...(socketDirectory === null ? [] : [toSocketMount(socketDirectory)]),
      ],
      Memory: spec.memoryBytes,
      // The same as memory: no swap beyond it.
      MemorySwap: spec.memoryBytes,
      NanoCpus: spec.nanoCpus,
      PidsLimit: spec.pids,
      ExtraHosts: [`${HOST_NAME}:127.0.0.1`],
      ...(ipv6 ? { Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '0' } } : {}),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
  }
}

export function toSocketMount(socketDirectory: string) {
  return { Type: 'bind', Source: socketDirectory, Target: SANDBOX_PATHS.socketDirectory }
}

/** The runner's process. The bridge's token hash is of no use to it and stays out of what commands see. */
export const runnerCommand: ExecCommand = {
  command: ['/usr/bin/env', '-u', 'BERTH_TOKEN_SHA256', NODE, RUNNER_PROGRAM],
  user: `${AGENT_UID}:${AGENT_UID}`,
  workingDirectory: SANDBOX_PATHS.workspace,
  env: [`HOME=${SANDBOX_PATHS.home}`, 'BERTH_ISOLATED=yes'],
}

/** Runs as the bridge does. What makes Node ready for a proxy and for extra certificates would cost each connection 50 ms. */
export const relayCommand: ExecCommand = {
  command: [NODE, RELAY_PROGRAM],
  user: bridgeUser,
  workingDirectory: '/',
  env: ['NODE_USE_ENV_PROXY=', 'NODE_EXTRA_CA_CERTS='],
}

function toEnvironment(spec: SandboxSpec): string[] {
  assertAgentVariables(spec.agentEnv)
  const environment = {
    ...spec.agentEnv,
    BERTH_AGENT_ID: spec.agentId,
    BERTH_INCARNATION: spec.incarnation,
    BERTH_TOKEN_SHA256: spec.bridgeTokenSha256,
  }
  return Object.entries(environment).map(([name, value]) => `${name}=${value}`)
}
