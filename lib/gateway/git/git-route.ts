/** git.berth's three routes (gitprotocol-http, smart only), and which repository of a grant one of them names. */
import type { GitGrant } from '../ports.ts'
import { Refusal } from '../refusal.ts'

export type GitService = 'git-upload-pack' | 'git-receive-pack'

export interface GitRoute {
  /** `advertise`: GET info/refs; `call`: POST of the service. */
  action: 'advertise' | 'call'
  service: GitService
  /** "owner/repo" as the sandbox wrote it, without `.git`. */
  repository: string
}

const NAME = '[A-Za-z0-9_.-]{1,100}'
const ADVERTISE = new RegExp(`^/(${NAME}/${NAME}?)(?:\\.git)?/info/refs\\?service=(git-upload-pack|git-receive-pack)$`)
const CALL = new RegExp(`^/(${NAME}/${NAME}?)(?:\\.git)?/(git-upload-pack|git-receive-pack)$`)

/** Throws a Refusal for anything that is not one of the three routes. */
export function parseGitRoute(method: string, path: string): GitRoute {
  const [pattern, action] = method === 'GET' ? ([ADVERTISE, 'advertise'] as const) : ([CALL, 'call'] as const)
  const match = method === 'GET' || method === 'POST' ? pattern.exec(path) : null
  const repository = match?.[1]?.replace(/\.git$/, '')
  if (repository === undefined || /(^|\/)\.{1,2}(\/|$)|\/$/.test(repository)) {
    throw new Refusal(
      403,
      'git_route_not_served',
      'Only clone, fetch and push over smart HTTP are served here: not LFS, not the dumb protocol.',
    )
  }
  return { action, service: match?.[2] === 'git-receive-pack' ? 'git-receive-pack' : 'git-upload-pack', repository }
}

/** The repository as the grant spells it, or a Refusal: not this agent's, or only to be read. */
export function findGrantedRepository(route: GitRoute, grant: GitGrant): string {
  const wanted = route.repository.toLowerCase()
  if (wanted === grant.repository.toLowerCase()) return grant.repository
  const readable = grant.readRepos.find((repository) => repository.toLowerCase() === wanted)
  if (readable === undefined) {
    throw new Refusal(
      403,
      'repository_forbidden',
      `${route.repository} is not a repository of this agent: it has ${[grant.repository, ...grant.readRepos].join(', ')}. Add it to the agent's readRepos to fetch it.`,
    )
  }
  if (route.service === 'git-receive-pack') {
    throw new Refusal(
      403,
      'repository_forbidden',
      `${readable} may be fetched, never pushed: it is one of the agent's readRepos.`,
    )
  }
  return readable
}
