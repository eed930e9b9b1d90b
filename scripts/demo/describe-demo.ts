/** What the demo says of itself: before anything starts what is real and what is not, at the end the pull request. */

import type { Settings } from '../../lib/config.ts'
import type { DemoPlan } from './plan.ts'
import type { PullRequestLink } from './play-case.ts'
import { colourDiffLine, type RunTotals } from './render-events.ts'
import { SAMPLE_FOLDER } from './sample-case.ts'
import { formatTokens, formatUsd, paint, type Style } from './terminal-style.ts'

interface Told {
  plan: DemoPlan
  settings: Settings
  write(text: string): void
  colour: boolean
}

interface Ending {
  pullRequest: PullRequestLink
  diff: string
  totals: RunTotals
}

const SCRIPTED =
  'The model is scripted: its replies come from a file on this machine, no model is asked.\n' +
  '  The container, the files, the commands, git and the pull request are real.'

export function describeBeginning({ plan, write, colour, settings }: Told): void {
  const style = (text: string, ...styles: Style[]) => paint(text, colour, ...styles)
  const source = plan.source === SAMPLE_FOLDER ? 'the small sample of the demo' : plan.source
  const model =
    plan.script === null ? `The model is real: ${settings.defaultModel} at ${settings.openrouter.baseUrl}.` : SCRIPTED
  write(`\n${style('Berth demo', 'bold')}\n\n`)
  write(`  ${style(model, 'yellow')}\n`)
  write(`  The repository is ${plan.fullName} (${source}), on a local stand-in for GitHub.\n`)
  write('  Everything lies in a temporary installation and is removed at the end.\n\n')
}

export function describeEnd({ plan, write, colour }: Told, result: Ending): void {
  const style = (text: string, ...styles: Style[]) => paint(text, colour, ...styles)
  const { pullRequest, diff, totals } = result
  write(`\n${style(`Pull request #${pullRequest.number}: ${pullRequest.title}`, 'bold')}\n`)
  write(`  ${pullRequest.url}\n\n`)
  for (const line of diff.replace(/\n$/, '').split('\n')) write(`  ${colourDiffLine(line, colour)}\n`)
  write('\n')
  if (plan.script !== null) {
    const what = plan.script.base === undefined ? 'the expected change' : "the maintainers' fix"
    write(`  ${style('✓', 'green')} \`${plan.script.test}\` failed before the change and passed after it.\n`)
    write(`  ${style('✓', 'green')} The pull request's diff equals ${what}.\n`)
  }
  const tokens = `${formatTokens(totals.inputTokens)} tokens in, ${formatTokens(totals.outputTokens)} out`
  const cost = plan.script === null ? formatUsd(totals.costUsd) : `${formatUsd(totals.costUsd)} if it had been real`
  write(`  ${totals.modelCalls} model calls, ${tokens}, ${cost}.\n`)
  if (plan.script !== null)
    write(`\n  ${style(SCRIPTED, 'yellow')}\n  With OPENROUTER_API_KEY set, the demo asks a real one.\n`)
}
