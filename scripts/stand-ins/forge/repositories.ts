/**
 * The stand-in's repositories: bare ones on disk, and the pull requests kept beside them in memory. Owns: what is stored and
 * how it is read from git. Must not know: HTTP or GitHub's shapes.
 */
import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { runGit } from './git.ts'

export interface PullRecord {
  number: number
  title: string
  body: string
  head: string
  base: string
  state: 'open' | 'closed'
  /** Login of who opened it. */
  author: string
  createdAt: string
  updatedAt: string
}

export interface StoredRepository {
  id: number
  fullName: string
  private: boolean
  archived: boolean
  defaultBranch: string
  directory: string
  protectedBranches: Set<string>
  pulls: PullRecord[]
}

export interface RepositoryInput {
  /** "owner/repo" */
  fullName: string
  /**
   * A folder of plain files (becomes one commit), a working copy, a bare repository or a bundle. Null: an empty repository.
   */
  from: string | null
  /** Default: what `from` is on; main for plain files, an empty repository, or where it does not say. */
  defaultBranch?: string
  private?: boolean
}

export interface Comparison {
  mergeBase: string
  aheadBy: number
  behindBy: number
  commits: { sha: string; subject: string }[]
}

export interface RepositoryStore {
  add(input: RepositoryInput): Promise<StoredRepository>
  /** By its present name. */
  find(fullName: string): StoredRepository | undefined
  findById(id: number): StoredRepository | undefined
  /** What a former name is called now. */
  findRenamed(fullName: string): StoredRepository | undefined
  rename(from: string, to: string): Promise<void>
}

export function createRepositoryStore(root: string): RepositoryStore {
  const repositories = new Map<string, StoredRepository>()
  const formerNames = new Map<string, StoredRepository>()
  const key = (fullName: string) => fullName.toLowerCase()
  const locate = (fullName: string) => path.join(root, `${fullName}.git`)
  return {
    async add(input) {
      if (repositories.has(key(input.fullName)))
        throw new Error(`The forge has a repository ${input.fullName} already.`)
      const directory = locate(input.fullName)
      const defaultBranch = await importRepository({ from: input.from, directory, asked: input.defaultBranch })
      const repository: StoredRepository = {
        id: 1000 + repositories.size + formerNames.size,
        fullName: input.fullName,
        private: input.private ?? false,
        archived: false,
        defaultBranch,
        directory,
        protectedBranches: new Set(),
        pulls: [],
      }
      repositories.set(key(input.fullName), repository)
      return repository
    },
    find: (fullName) => repositories.get(key(fullName)),
    findById: (id) => [...repositories.values()].find((repository) => repository.id === id),
    findRenamed: (fullName) => formerNames.get(key(fullName)),
    async rename(from, to) {
      const repository = repositories.get(key(from))
      if (repository === undefined) throw new Error(`The forge has no repository ${from} to rename.`)
      await mkdir(path.dirname(locate(to)), { recursive: true })
      await rename(repository.directory, locate(to))
      repository.directory = locate(to)
      repository.fullName = to
      repositories.delete(key(from))
      repositories.set(key(to), repository)
      formerNames.set(key(from), repository)
    },
  }
}

/** Answers with the default branch. */
async function importRepository(input: {
  from: string | null
  directory: string
  asked: string | undefined
}): Promise<string> {
  const { from, directory, asked } = input
  await mkdir(path.dirname(directory), { recursive: true })
  let defaultBranch = asked ?? 'main'
  if (from === null) {
    await runGit(['init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`, directory])
  } else if (await isPlainFolder(from)) {
    await commitFolder({ from, directory, defaultBranch })
  } else {
    await runGit(['clone', '--quiet', '--bare', '--no-hardlinks', from, directory])
    await runGit(['remote', 'remove', 'origin'], { cwd: directory })
    defaultBranch = await chooseDefaultBranch({ from, directory, asked })
    await runGit(['symbolic-ref', 'HEAD', `refs/heads/${defaultBranch}`], { cwd: directory })
  }
  const settings = [
    'http.receivepack=true',
    'uploadpack.allowFilter=true',
    'uploadpack.allowAnySHA1InWant=true',
    'gc.auto=0',
  ]
  for (const setting of settings) await runGit(['config', ...setting.split('=')], { cwd: directory })
  return defaultBranch
}

/** The one asked for, else the one the clone stands on (a bundle may not say), else main. */
async function chooseDefaultBranch(input: {
  from: string
  directory: string
  asked: string | undefined
}): Promise<string> {
  const { from, directory, asked } = input
  const names = (await listBranches(directory)).map(({ name }) => name)
  const head = (await runGit(['symbolic-ref', '--short', 'HEAD'], { cwd: directory })).trim()
  const chosen = asked ?? (names.includes(head) ? head : 'main')
  if (names.includes(chosen) || names.length === 0) return chosen
  throw new Error(`${from} has no branch ${chosen}; it has ${names.join(', ')}.`)
}

/** True for a folder that is neither a working copy nor a bare repository. */
async function isPlainFolder(from: string): Promise<boolean> {
  if (!(await stat(from)).isDirectory()) return false
  const entries = await readdir(from)
  return !entries.includes('.git') && !(entries.includes('HEAD') && entries.includes('objects'))
}

async function commitFolder(input: { from: string; directory: string; defaultBranch: string }): Promise<void> {
  const { from, directory, defaultBranch } = input
  await runGit(['init', '--quiet', '--bare', `--initial-branch=${defaultBranch}`, directory])
  const worktree = [`--git-dir=${directory}`, `--work-tree=${path.resolve(from)}`]
  await runGit([...worktree, 'add', '--all', '--force', '.'], { cwd: from })
  await runGit([...worktree, 'commit', '--quiet', '--message=Import the project'], { cwd: from })
}

export interface BranchTip {
  name: string
  sha: string
}

/** All branches by name. */
export async function listBranches(directory: string): Promise<BranchTip[]> {
  const lines = await runGit(['for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads/'], { cwd: directory })
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ sha: line.slice(0, 40), name: line.slice('refs/heads/'.length + 41) }))
}

/** The commit a branch points at, or null. */
export async function findTip(directory: string, branch: string): Promise<string | null> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `refs/heads/${branch}^{commit}`]
  const sha = (await runGit(args, { cwd: directory, accept: [1] })).trim()
  return sha === '' ? null : sha
}

/** What head has that base lacks. Both are commits. */
export async function compareCommits(directory: string, base: string, head: string): Promise<Comparison> {
  const counts = await runGit(['rev-list', '--left-right', '--count', `${base}...${head}`], { cwd: directory })
  const [behindBy = 0, aheadBy = 0] = counts.trim().split(/\s+/).map(Number)
  const mergeBase = (await runGit(['merge-base', base, head], { cwd: directory, accept: [1] })).trim()
  const log = await runGit(['log', '--reverse', '--format=%H %s', `${base}..${head}`], { cwd: directory })
  const commits = log
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ sha: line.slice(0, 40), subject: line.slice(41) }))
  return { mergeBase, aheadBy, behindBy, commits }
}

/** The diff a pull request shows: from where the two parted to head. */
export function diffSinceMergeBase(directory: string, base: string, head: string): Promise<string> {
  return runGit(['diff', '--no-color', '--no-ext-diff', '--full-index', `${base}...${head}`], { cwd: directory })
}
