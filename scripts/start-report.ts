/** What an installation lacks, each with the line that would configure it. */
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
    gaps.push(`Containers: ${imageProblem.message}${imageProblem.hint ? ` ${imageProblem.hint}` : ''}`)
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
