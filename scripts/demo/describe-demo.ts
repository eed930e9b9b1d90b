/** What the demo says of itself: before anything starts what is real and what is not, at the end the pull request. */

import type { Settings } from '../../lib/config.ts'
import type { SandboxChoice } from './choose-sandbox.ts'
import type { DemoPlan } from './plan.ts'
import type { PullRequestLink } from './play-case.ts'
import { colourDiffLine, type RunTotals } from './render-events.ts'
import { SAMPLE_FOLDER } from './sample-case.ts'
import { formatTokens, formatUsd, paint, type Style } from './terminal-style.ts'

interface Told {
  plan: DemoPlan
  sandbox: SandboxChoice
  settings: Settings
  write(text: string): void
  colour: boolean
}

interface Ending {
  pullRequest: PullRequestLink
  diff: string
  totals: RunTotals
}

const describeScripted = ({ sandbox }: Pick<Told, 'sandbox'>) =>
  'The model is scripted: its replies come from a file on this machine, no model is asked.\n' +
  `  The ${sandbox.driver === 'docker' ? 'container, the ' : ''}files, the commands, git and the pull request are real.`

/** Loud, where no container stands between the commands and the machine of the person. */
function describeMachine({ plan, sandbox }: Pick<Told, 'plan' | 'sandbox'>): string[] {
  if (sandbox.driver === 'docker') return []
  const user = process.getuid?.() === 0 ? 'root' : 'you'
  const whose = plan.source === SAMPLE_FOLDER ? "The sample's commands" : 'Its commands'
  return [
    `NOT ISOLATED: this run has no container. ${whose} run as ${user}, on this machine.`,
    ...(sandbox.withoutEngine === null
      ? ['BERTH_SANDBOX=process asks for that. Without it they run in a container, which needs a Docker engine.']
      : [`No engine: ${sandbox.withoutEngine}`, 'With an engine the same command has a container.']),
  ]
}

export function describeBeginning(told: Told): void {
  const { plan, write, colour, settings } = told
  const style = (text: string, ...styles: Style[]) => paint(text, colour, ...styles)
  const source = plan.source === SAMPLE_FOLDER ? 'the small sample of the demo' : plan.source
  const model =
    plan.script === null
      ? `The model is real: ${settings.defaultModel} at ${settings.openrouter.baseUrl}.`
      : describeScripted(told)
  write(`\n${style('Berth demo', 'bold')}\n\n`)
  const warning = describeMachine(told)
  for (const line of warning) write(`  ${style(`!! ${line}`, 'bold', 'red')}\n`)
  if (warning.length > 0) write('\n')
  write(`  ${style(model, 'yellow')}\n`)
  write(`  The repository is ${plan.fullName} (${source}), on a local stand-in for GitHub.\n`)
  write('  Everything lies in a temporary installation and is removed at the end.\n\n')
}

export function describeEnd(told: Told, result: Ending): void {
  const { plan, write, colour, sandbox } = told
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
  if (plan.script === null) return
  const engine = sandbox.driver === 'process' && sandbox.withoutEngine !== null ? ' and an engine' : ''
  write(
    `\n  ${style(describeScripted(told), 'yellow')}\n  With OPENROUTER_API_KEY set${engine}, the demo asks a real one.\n`,
  )
}
