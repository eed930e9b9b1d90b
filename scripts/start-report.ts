/** What an installation lacks, each with the line that would configure it, and what it does not do for its person. */
import type { Settings } from '../lib/config.ts'
import type { BerthError } from '../lib/errors.ts'

export interface StartState {
  settings: Pick<Settings, 'openrouter' | 'github'>
  imageProblem: BerthError | null
}

/** One line for each thing that is missing; none when all is there. */
export function describeGaps({ settings, imageProblem }: StartState): string[] {
  const gaps: string[] = []
  if (imageProblem !== null) {
    gaps.push(`Sandboxes: ${imageProblem.message}${imageProblem.hint ? ` ${imageProblem.hint}` : ''}`)
  }
  if (settings.openrouter.apiKey === null) {
    gaps.push(
      "Model key: agents cannot call a model. Set one and start again: echo 'OPENROUTER_API_KEY=<your key>' >> .env",
    )
  }
  if (settings.github.token === null) {
    gaps.push(
      "GitHub token: only public repositories can be read, and nothing pushed. Set one and start again: echo 'GITHUB_TOKEN=<your token>' >> .env",
    )
  }
  return gaps
}

/** Loud, for where nothing keeps agents from the person's machine; empty where something does. */
export function describeIsolation({ isolated, uid }: { isolated: boolean; uid: number | undefined }): string[] {
  if (isolated) return []
  const user = uid === 0 ? 'root' : 'you'
  return [
    `NOT ISOLATED: agents run as ordinary processes of this machine, as ${user} (BERTH_SANDBOX=process).`,
    `What they run can read, change and send whatever ${user} can, Berth's own keys included. No limit of memory, CPU or network is held.`,
    'For containers: start Docker, take BERTH_SANDBOX out, and name another folder in BERTH_DATA_DIR.',
  ]
}
