/** What one demo will do, decided before anything is started: which repository, which task, who answers as the model. */
import path from 'node:path'
import type { DemoArguments } from './arguments.ts'
import { type PlayedCase, readCase } from './case.ts'
import { SAMPLE_FOLDER, sampleCase } from './sample-case.ts'

export interface DemoPlan {
  /** Folder, bare repository or bundle. */
  source: string
  /** "owner/repo" on the local forge. */
  fullName: string
  /** What the agent is called. */
  name: string
  task: string
  /** What the scripted model plays; null: a real model is asked. */
  script: PlayedCase | null
}

/** A case is always scripted; the sample is unless there is a key; a task of one's own never is. */
export async function planDemo(args: DemoArguments, hasKey: boolean): Promise<DemoPlan> {
  const { repository, caseFile, task } = args
  if (repository !== null && caseFile !== null) {
    const played = await readCase(caseFile)
    const source = path.resolve(repository)
    return { source, fullName: played.repo, name: nameCase(played), task: played.task, script: played }
  }
  if (repository !== null && task !== null) {
    const fullName = `local/${repositoryName(repository)}`
    return { source: path.resolve(repository), fullName, name: firstLine(task), task, script: null }
  }
  const sample = { source: SAMPLE_FOLDER, fullName: sampleCase.repo, script: hasKey ? null : sampleCase }
  if (task !== null) return { ...sample, name: firstLine(task), task }
  return { ...sample, name: nameCase(sampleCase), task: sampleCase.task }
}

const nameCase = (played: PlayedCase) => played.title ?? firstLine(played.task)

/** As long as a name may be. */
const firstLine = (task: string) => (task.trim().split('\n')[0] ?? '').slice(0, 120)

/** The last part of a path as a repository may be called. */
function repositoryName(source: string): string {
  const base = path.basename(path.resolve(source)).replace(/\.(git|bundle)$/, '')
  return base.replaceAll(/[^A-Za-z0-9._-]/g, '-') || 'repository'
}
