/** create_pull_request: commits what is left, pushes the target branch, asks the control plane for the pull request. */
import { z } from 'zod'
import type { PullRequestAnswer } from '../../contract/tunnel.ts'
import { type CommandResult, WorkspaceError } from '../workspace-port.ts'
import { defineTool, failure, success } from './define-tool.ts'
import { runGit } from './git.ts'
import { LIMITS } from './limits.ts'
import type { ToolContext, ToolOutput } from './tool.ts'

const input = z.strictObject({
  title: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^[^\r\n]*$/, 'must be one line')
    .describe(
      'One line that says what the change does. Also the subject of the commit of whatever is not committed yet.',
    ),
  body: z.string().max(20_000).describe('What was changed and why, in Markdown. How it was tested is added by itself.'),
})

export const createPullRequest = defineTool<z.infer<typeof input>>({
  name: 'create_pull_request',
  description:
    'Commits whatever is not committed yet, pushes the work to its target branch and opens a pull request, or updates the ' +
    'one that is open. Call it when the work is done and checked.',
  input,
  async execute({ title, body }, context) {
    const problem = (await commitLeftovers(title, context)) ?? (await checkAhead(context)) ?? (await push(context))
    if (problem !== null) return problem
    return openPullRequest({ title, body }, context)
  },
})

/** Null when all is committed. */
async function commitLeftovers(title: string, context: ToolContext): Promise<ToolOutput | null> {
  const status = await runGit(['status', '--porcelain', '-z'], context)
  if (status.exitCode !== 0) return explain('git status', status)
  if (status.output === '') return null
  const added = await runGit(['add', '--all'], context)
  if (added.exitCode !== 0) return explain('git add', added)
  // The repository's own hooks run, as they would for a person.
  const committed = await runGit(['commit', '--no-edit', '--message', title], context, {
    timeoutMs: LIMITS.push.timeoutMs,
  })
  if (committed.exitCode !== 0) return explain('git commit', committed)
  await emitCommit(context)
  return null
}

async function emitCommit(context: ToolContext): Promise<void> {
  const head = await runGit(['log', '-1', '--format=%H%x00%s'], context)
  const branch = await runGit(['rev-parse', '--abbrev-ref', 'HEAD'], context)
  const files = await runGit(['diff-tree', '--root', '--no-commit-id', '--name-only', '-r', '-z', 'HEAD'], context, {
    maxOutputChars: 1_000_000,
  })
  const [sha = '', subject = ''] = head.output.trim().split('\0')
  if (sha === '') throw new WorkspaceError('failed', `The commit was made, but git does not show it: ${head.output}`)
  context.emit({
    type: 'commit',
    data: {
      sha,
      subject,
      branch: branch.output.trim(),
      files: files.output.split('\0').filter((name) => name !== '').length,
    },
  })
}

/** Refuses when nothing would be in the pull request. Without a ref of the source branch nobody can tell, and the forge decides. */
async function checkAhead({ sourceBranch, ...context }: ToolContext): Promise<ToolOutput | null> {
  const range = `refs/remotes/origin/${sourceBranch}..HEAD`
  const ahead = await runGit(['rev-list', '--count', '--end-of-options', range], { sourceBranch, ...context })
  if (ahead.exitCode !== 0 || Number(ahead.output.trim()) > 0) return null
  return failure(`There is nothing to propose: no commit that ${sourceBranch} does not have, and no change to commit.`)
}

async function push(context: ToolContext): Promise<ToolOutput | null> {
  const ref = `HEAD:refs/heads/${context.targetBranch}`
  const pushed = await runGit(['push', '--end-of-options', 'origin', ref], context, {
    timeoutMs: LIMITS.push.timeoutMs,
    onOutput: (chunk) => context.onOutput(chunk),
  })
  return pushed.exitCode === 0 ? null : explain(`git push to ${context.targetBranch}`, pushed)
}

async function openPullRequest(request: { title: string; body: string }, context: ToolContext): Promise<ToolOutput> {
  let answer: PullRequestAnswer
  try {
    answer = await context.openPullRequest(request)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return failure(`The work is pushed to ${context.targetBranch}, but the pull request could not be opened: ${reason}`)
  }
  const done = answer.action === 'opened' ? 'Opened' : 'Updated'
  return success(`${done} pull request #${answer.number}: ${answer.url}`, { ...answer })
}

function explain(what: string, result: CommandResult): ToolOutput {
  const why = result.cancelled
    ? 'was cancelled'
    : result.timedOut
      ? 'took too long'
      : `failed (exit code ${result.exitCode})`
  return failure(`No pull request was opened: ${what} ${why}.\n${result.output.trim()}`, { exitCode: result.exitCode })
}
