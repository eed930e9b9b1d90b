/**
 * What the programs of a process sandbox are given as their environment: a short list of the machine's variables, and what a
 * container's image sets. Nothing else of the control plane's own environment, where keys are. Pure.
 */
import os from 'node:os'
import path from 'node:path'
import type { SandboxFolder } from './layout.ts'
import { runFiles } from './layout.ts'
import { programFiles } from './programs.ts'
import type { SandboxRecord } from './record.ts'

export interface EnvironmentParts {
  /** Of this machine: where its programs lie, its language, its certificates. No keys. */
  machine: Record<string, string>
  /** There is a PEM file of more certificates to trust. */
  hasExtraCa: boolean
  record: SandboxRecord
  files: SandboxFolder
}

export function bridgeEnvironment({ machine, record, files }: EnvironmentParts): Record<string, string> {
  const { bridgeSocket, runnerSocket, tmp } = runFiles(record.runFolder)
  return {
    ...pick(machine, ['PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ']),
    HOME: files.volumes.state,
    BERTH_AGENT_ID: record.agentId,
    BERTH_INCARNATION: record.incarnation,
    BERTH_TOKEN_SHA256: record.bridgeTokenSha256,
    BERTH_SOCKET: bridgeSocket,
    BERTH_RUNNER_SOCKET: runnerSocket,
    BERTH_STATE: files.volumes.state,
    // A free one: every sandbox shares the machine's own loopback. The bridge tells the runner which it took.
    BERTH_PROXY_PORT: '0',
    BERTH_WORKSPACE: files.volumes.workspace,
    BERTH_HOME: files.volumes.home,
    BERTH_TMP: tmp,
    BERTH_ISOLATED: 'no',
  }
}

/** Also that of everything the agent runs, without what begins with BERTH_, and with the proxy's variables. */
export function runnerEnvironment({ machine, hasExtraCa, record, files }: EnvironmentParts): Record<string, string> {
  const { runnerSocket, tmp } = runFiles(record.runFolder)
  const { workspace, home } = files.volumes
  const noProxy = ['localhost', '127.0.0.1', '::1', '0.0.0.0', '.localhost', os.hostname()].join(',')
  return {
    LANG: 'C.UTF-8',
    ...(hasExtraCa ? certificateVariables(record.programs) : {}),
    ...machine,
    PATH: commandPath({ machinePath: machine.PATH ?? '', home, programs: record.programs }),
    NO_PROXY: noProxy,
    no_proxy: noProxy,
    NODE_USE_ENV_PROXY: '1',
    // The person's own settings and credentials are not the agent's: git reads those of HOME alone.
    GIT_CONFIG_NOSYSTEM: '1',
    // The data folder often lies in a repository: Berth's own, for one. It is not the agent's.
    GIT_CEILING_DIRECTORIES: path.dirname(workspace),
    NPM_CONFIG_PREFIX: path.join(home, '.npm-global'),
    NPM_CONFIG_UPDATE_NOTIFIER: 'false',
    NPM_CONFIG_FUND: 'false',
    PIP_DISABLE_PIP_VERSION_CHECK: '1',
    PIP_NO_INPUT: '1',
    TMPDIR: tmp,
    ...record.agentEnv,
    HOME: home,
    BERTH_INCARNATION: record.incarnation,
    BERTH_RUNNER_SOCKET: runnerSocket,
    BERTH_WORKSPACE: workspace,
    BERTH_OUTPUT_DIRECTORY: path.join(home, '.berth'),
    BERTH_TMP: tmp,
  }
}

function certificateVariables(programs: string): Record<string, string> {
  const { certificates, extraCertificates } = programFiles(programs)
  const replacing = ['SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'GIT_SSL_CAINFO', 'PIP_CERT', 'REQUESTS_CA_BUNDLE']
  return {
    ...Object.fromEntries(replacing.map((name) => [name, certificates])),
    NODE_EXTRA_CA_CERTS: extraCertificates,
  }
}

/** The agent's own places first, then the answers to what it must not use, Berth's Node and ripgrep, then the machine's. */
function commandPath(from: { machinePath: string; home: string; programs: string }): string {
  const { machinePath, home, programs } = from
  const own = ['.venv/bin', '.npm-global/bin', '.local/bin', '.cargo/bin', 'go/bin'].map((name) =>
    path.join(home, name),
  )
  // What npm put before the path to run Berth itself.
  const ofMachine = machinePath.split(':').filter((folder) => !/\/node_modules(\/|$)/.test(folder))
  return [...own, ...programFiles(programs).path, ...ofMachine].join(':')
}

function pick(variables: Record<string, string>, names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.includes(name)))
}
