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
  task: string
  /** What the scripted model plays; null: a real model is asked. */
  script: PlayedCase | null
}

/** A case is always scripted; the sample is unless there is a key; a task of one's own never is. */
export async function planDemo(args: DemoArguments, hasKey: boolean): Promise<DemoPlan> {
  const { repository, caseFile, task } = args
  if (repository !== null && caseFile !== null) {
    const played = await readCase(caseFile)
    return { source: path.resolve(repository), fullName: played.repo, task: played.task, script: played }
  }
  if (repository !== null && task !== null) {
    return { source: path.resolve(repository), fullName: `local/${repositoryName(repository)}`, task, script: null }
  }
  const script = hasKey ? null : sampleCase
  return { source: SAMPLE_FOLDER, fullName: sampleCase.repo, task: task ?? sampleCase.task, script }
}

/** The last part of a path as a repository may be called. */
function repositoryName(source: string): string {
  const base = path.basename(path.resolve(source)).replace(/\.(git|bundle)$/, '')
  return base.replaceAll(/[^A-Za-z0-9._-]/g, '-') || 'repository'
}
