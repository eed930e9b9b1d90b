/** Making an agent: everything that can be known to fail is asked before anything is kept. */
import { fillLimits } from '../../domain/limits.ts'
import { nameFromTask, targetBranchFor } from '../../domain/naming.ts'
import type { Branch, Forge, Repository } from '../../drivers/forge/port.ts'
import { BerthError } from '../../errors.ts'
import { randomText } from '../../ids.ts'
import type { Context } from '../context.ts'
import type { AgentView, CreateAgentInput } from './schemas.ts'
import { toAgentView } from './view.ts'

export async function createAgent({ ctx, input }: { ctx: Context; input: CreateAgentInput }): Promise<AgentView> {
  const { parts, actor } = ctx
  assertBuilt(input)
  const model = input.model ?? parts.settings.defaultModel
  await assertModel(ctx, model)
  const repository = await parts.forge.getRepository(input.githubRepo)
  if (repository.empty) {
    throw new BerthError(
      'empty_repository',
      `${repository.fullName} has no commits, so there is nothing to branch from.`,
      {
        hint: 'Push a first commit, then create the agent again.',
      },
    )
  }
  const source = await requireSourceBranch(parts.forge, repository, input.sourceBranch ?? repository.defaultBranch)
  const name = input.name ?? nameFromTask(input.task)
  const targetBranch = input.targetBranch ?? targetBranchFor(name, randomText(4))
  const target = await checkTargetBranch({ forge: parts.forge, repository, source, targetBranch, input })
  const agent = await parts.stores.agents.create({
    id: parts.ids.next('agt'),
    ownerId: actor.userId,
    name,
    task: input.task,
    instructions: input.instructions ?? null,
    githubRepo: repository.fullName,
    sourceBranch: source.name,
    targetBranch,
    adoptTargetBranch: target !== null,
    autoPullRequest: input.autoPullRequest ?? true,
    readRepos: input.readRepos ?? [],
    model,
    limits: fillLimits(input.limits ?? {}, { maxSteps: parts.settings.maxSteps, ...parts.settings.container }),
    tools: { allow: input.tools?.allow ?? null, commandPolicy: 'open', commands: [] },
    egress: { mode: input.egress?.mode ?? 'allowlist', allow: input.egress?.allow ?? [] },
    env: input.env ?? {},
    setupScript: input.setupScript ?? null,
    status: 'IDLE',
    targetTip: target?.sha ?? null,
  })
  return toAgentView(ctx, agent, { run: null, queued: 0 })
}

/** What the contract names but is not built is refused by name, never accepted in silence. */
export function assertBuilt(input: Pick<CreateAgentInput, 'limits'> & { requireApproval?: unknown }): void {
  const asked: Record<string, unknown> = {
    requireApproval: input.requireApproval,
  }
  const unbuilt = Object.entries(asked).filter(
    ([, value]) => value !== undefined && value !== null && value !== false && value !== '',
  )
  if (unbuilt.length === 0) return
  const names = unbuilt.map(([field]) => field)
  throw new BerthError('not_built_yet', `Not built yet: ${names.join(', ')}.`, {
    hint: `Leave ${names.join(' and ')} out.`,
    fields: names.map((path) => ({ path, message: 'is not built yet' })),
  })
}

/** Throws `model_unknown` where the catalogue is known and does not have it. */
export async function assertModel(ctx: Context, id: string): Promise<void> {
  const models = await ctx.parts.modelCatalog.list()
  if (models === null || models.some((model) => model.id === id)) return
  const [maker] = id.split('/')
  const near = models.filter((model) => model.id.startsWith(`${maker}/`)).slice(0, 5)
  throw new BerthError('model_unknown', `The provider has no model "${id}".`, {
    hint:
      near.length > 0 ? `It has ${near.map((model) => model.id).join(', ')}.` : 'GET /api/models lists what it has.',
    fields: [{ path: 'model', message: 'is not a model of the provider' }],
  })
}

async function requireSourceBranch(forge: Forge, repository: Repository, name: string): Promise<Branch> {
  const branch = await forge.findBranch(repository.fullName, name)
  if (branch) return branch
  throw new BerthError('branch_not_found', `${repository.fullName} has no branch "${name}".`, {
    hint: `Its default branch is "${repository.defaultBranch}". Nothing was spent.`,
    fields: [{ path: 'sourceBranch', message: `${repository.fullName} has no such branch` }],
  })
}

async function checkTargetBranch(target: {
  forge: Forge
  repository: Repository
  source: Branch
  targetBranch: string
  input: CreateAgentInput
}): Promise<Branch | null> {
  const { forge, repository, source, targetBranch, input } = target
  const field = (message: string) => ({ fields: [{ path: 'targetBranch', message }] })
  if (targetBranch === source.name || targetBranch === repository.defaultBranch) {
    throw new BerthError(
      'target_is_source',
      `The target branch "${targetBranch}" is the source or the default branch.`,
      {
        hint: 'Choose another name: the work leaves as a pull request from the target into the source branch.',
        ...field('is the source or the default branch'),
      },
    )
  }
  const branch = await forge.findBranch(repository.fullName, targetBranch)
  if (!branch) return null
  if (branch.protected) {
    throw new BerthError('target_exists', `The branch "${targetBranch}" of ${repository.fullName} is protected.`, {
      hint: 'Choose another target branch.',
      ...field('is protected'),
    })
  }
  if (input.adoptTargetBranch) return branch
  throw new BerthError('target_exists', `The branch "${targetBranch}" of ${repository.fullName} exists already.`, {
    hint: 'Choose another name, or set "adoptTargetBranch": true to continue it.',
    ...field('exists already'),
  })
}
