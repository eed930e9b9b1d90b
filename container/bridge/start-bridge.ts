/**
 * Puts the bridge together and starts it: journal, tunnel, proxy, git, server, with an executor and a workspace given from
 * outside. Owns: the order of starting and closing. Must not know: the environment, the process.
 */
import type { Clock } from '../../lib/clock.ts'
import type { Ids } from '../../lib/ids.ts'
import type { Logger } from '../../lib/logger.ts'
import type { PullRequestAnswer, PullRequestRequest } from '../contract/tunnel.ts'
import type { BridgeConfig } from './config.ts'
import type { SandboxPlace } from './executor/system-prompt.ts'
import type { ModelFetch } from './executor/watch-line.ts'
import { createGitWorkspace } from './git/git-workspace.ts'
import { type Journal, openJournal } from './journal/journal.ts'
import { startProxy } from './proxy/proxy.ts'
import { createRefusalLog, withRefusalNotices } from './proxy/refusal-log.ts'
import type { ExecutorPort } from './server/executor-port.ts'
import { startBridgeServer } from './server/server.ts'
import { createSetup } from './setup/run-setup.ts'
import { createMessageTaker } from './tunnel/people.ts'
import { createPullRequestOpener } from './tunnel/pull-request.ts'
import { createTunnelFetch } from './tunnel/tunnel-fetch.ts'
import { createTunnels } from './tunnel/tunnels.ts'
import type { Workspace } from './workspace-port.ts'

/** What the executor is made of. */
export interface ExecutorParts {
  journal: Journal
  workspace: Workspace
  /** fetch over the control tunnel, for http://model.berth/... */
  modelFetch: ModelFetch
  openPullRequest: (
    request: PullRequestRequest,
    options: { runId: string; signal: AbortSignal },
  ) => Promise<PullRequestAnswer>
  takeMessages: ReturnType<typeof createMessageTaker>
  clock: Clock
  logger: Logger
  version: string
  place: SandboxPlace
}

export interface RunnerSide {
  workspace: Workspace
  connected(): boolean
  close(): Promise<void>
}

export interface BridgeParts {
  config: BridgeConfig
  version: string
  clock: Clock
  ids: Ids
  logger: Logger
  /** Listens for the runner, which is told where the proxy is. Closed with the bridge. */
  openRunner(from: { proxyPort: number }): Promise<RunnerSide>
  createExecutor(parts: ExecutorParts): ExecutorPort
}

export interface Bridge {
  /** Where the proxy listens. */
  readonly proxyPort: number
  close(): Promise<void>
}

/** Resolves when the bridge answers on its socket. Rejects, with nothing left listening, when a part cannot be started. */
export async function startBridge(parts: BridgeParts): Promise<Bridge> {
  const { config, version, clock, ids, logger } = parts
  const closers: (() => unknown)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer()
  }
  try {
    const journal = await openJournal({ directory: config.stateDirectory, ids, clock, logger })
    closers.push(journal.close)
    const tunnels = createTunnels({ logger })
    closers.push(tunnels.close)
    const refusals = createRefusalLog()
    const proxy = await startProxy({ links: tunnels, logger, port: config.proxyPort, onRefusal: refusals.record })
    closers.push(proxy.close)
    const runner = await parts.openRunner({ proxyPort: proxy.port })
    closers.push(runner.close)
    const tunnelFetch = createTunnelFetch(tunnels.control)
    const git = createGitWorkspace({
      workspace: runner.workspace,
      tunnelFetch,
      proxyUrl: `http://127.0.0.1:${proxy.port}`,
      clock,
    })
    const server = await startBridgeServer({
      socketPath: config.socketPath,
      tokenSha256: config.tokenSha256,
      identity: {
        agentId: config.agentId,
        incarnation: config.incarnation,
        bridgeVersion: version,
        startedAt: clock.now().toISOString(),
      },
      journal,
      tunnels,
      runnerConnected: runner.connected,
      git,
      setup: createSetup({
        workspace: runner.workspace,
        readCloneId: git.cloneId,
        stateDirectory: config.stateDirectory,
      }),
      executor: parts.createExecutor({
        journal,
        workspace: withRefusalNotices(runner.workspace, refusals),
        modelFetch: tunnelFetch,
        openPullRequest: createPullRequestOpener(tunnelFetch),
        takeMessages: createMessageTaker(tunnelFetch),
        clock,
        logger,
        version,
        place: config.place,
      }),
      logger,
    })
    closers.push(server.close)
    logger.info('The bridge answers.', { journalId: journal.journalId, lastN: journal.lastN, proxyPort: proxy.port })
    return { proxyPort: proxy.port, close }
  } catch (error) {
    await close()
    throw error
  }
}
