/**
 * The forge's REST side (GitHub, GitHub Enterprise). Owns: repositories, branches and pull requests as the product needs
 * them. Must not know: git's wire (the broker's), agents. Every failure is a BerthError with a code of the contract.
 */
export interface Repository {
  /** "owner/repo" as the forge spells it now (a renamed repository answers with its new name). */
  fullName: string
  defaultBranch: string
  private: boolean
  /** The token may push. */
  canPush: boolean
  empty: boolean
}

export interface Branch {
  name: string
  sha: string
  protected: boolean
}

export interface PullRequest {
  number: number
  /** For people. */
  url: string
  title: string
  state: 'open' | 'closed' | 'merged'
  headSha: string
}

export interface Forge {
  /** True when a token is configured; without one only public repositories can be read and nothing pushed. */
  readonly authenticated: boolean
  /** Throws `repository_not_found`, `repository_forbidden`, `upstream_failed`. */
  getRepository(fullName: string): Promise<Repository>
  /** Null when the branch does not exist. */
  findBranch(fullName: string, branch: string): Promise<Branch | null>
  /** The open pull request of head into base in the same repository, or null. */
  findOpenPullRequest(input: { repository: string; head: string; base: string }): Promise<PullRequest | null>
  openPullRequest(input: {
    repository: string
    head: string
    base: string
    title: string
    body: string
  }): Promise<PullRequest>
  updatePullRequest(input: { repository: string; number: number; title?: string; body?: string }): Promise<PullRequest>
}
