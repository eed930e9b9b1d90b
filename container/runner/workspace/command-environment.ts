/** The variables a command is given: the runner's own without what is Berth's, and no colour, no pager, no prompt. */
import { COMMAND_MARK } from '../../contract/runner.ts'

const QUIET = {
  NO_COLOR: '1',
  TERM: 'dumb',
  PAGER: 'cat',
  GIT_PAGER: 'cat',
  GIT_TERMINAL_PROMPT: '0',
  CI: '1',
  DEBIAN_FRONTEND: 'noninteractive',
}

export type Environment = Record<string, string | undefined>

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']

/** Names the bridge's proxy where `base` names none. Null: the bridge has not said yet where it listens. */
export function withProxy(base: Environment, port: number | null): Environment {
  if (port === null) return base
  return { ...Object.fromEntries(PROXY_VARIABLES.map((name) => [name, `http://127.0.0.1:${port}`])), ...base }
}

export function createCommandEnvironment(options: {
  base: Environment
  added: Record<string, string>
  mark: string
}): Environment {
  const kept = Object.entries(options.base).filter(([name]) => !name.startsWith('BERTH_') && name !== 'FORCE_COLOR')
  return { ...Object.fromEntries(kept), ...QUIET, ...options.added, [COMMAND_MARK]: options.mark }
}
