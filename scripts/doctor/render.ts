/** The findings as a person or a program reads them, and what they mean for the main job. Secrets that are in them are blotted out. */
import { paint, type Style } from '../demo/terminal-style.ts'
import type { Finding } from './finding.ts'
import type { CheckResult } from './run-checks.ts'

export interface Verdict {
  /** Whether a task can become a pull request here. */
  canRun: boolean
  /** Why not; empty when it can. */
  because: string[]
}

/** An agent can do its work unless something is a problem. */
export function judge(results: CheckResult[]): Verdict {
  const because = results.flatMap(({ findings }) =>
    findings.flatMap((finding) => (finding.severity === 'problem' ? [finding.because] : [])),
  )
  return { canRun: because.length === 0, because: [...new Set(because)] }
}

const SIGNS: Record<Finding['severity'], { sign: string; styles: Style[] }> = {
  ok: { sign: '+ ok', styles: ['green'] },
  warning: { sign: '! warning', styles: ['yellow'] },
  problem: { sign: 'x problem', styles: ['red', 'bold'] },
}
const SIGN_WIDTH = 11

/** Lines for a terminal, the verdict last. ASCII only: what a machine without a language can show. */
export function renderText(results: CheckResult[], colour: boolean): string {
  const titleWidth = Math.max(...results.map(({ title }) => title.length)) + 2
  const indent = ' '.repeat(SIGN_WIDTH + titleWidth)
  const lines = results.flatMap(({ title, findings }) =>
    findings.flatMap((finding) => {
      const { sign, styles } = SIGNS[finding.severity]
      const first = `${paint(sign, colour, ...styles)}${' '.repeat(SIGN_WIDTH - sign.length)}${title.padEnd(titleWidth)}${finding.found}`
      return finding.severity === 'ok' ? [first] : [first, `${indent}-> ${finding.advice}`]
    }),
  )
  return `${[...lines, '', ...describeVerdict(results, colour)].join('\n')}\n`
}

function describeVerdict(results: CheckResult[], colour: boolean): string[] {
  const { canRun, because } = judge(results)
  const warnings = results.flatMap(({ findings }) => findings).filter(({ severity }) => severity === 'warning').length
  const counted = warnings === 0 ? '' : ` ${warnings} ${warnings === 1 ? 'warning' : 'warnings'} above.`
  if (canRun) return [`${paint('The main job can run.', colour, 'green')}${counted}`]
  return [`${paint('The main job cannot run', colour, 'red', 'bold')}: ${because.join('; ')}.${counted}`]
}

/** One JSON document: `canRun`, `because`, and the findings, each with the id of its check. */
export function renderJson(results: CheckResult[]): string {
  const findings = results.flatMap(({ id, findings }) => findings.map((finding) => ({ check: id, ...finding })))
  return `${JSON.stringify({ ...judge(results), findings }, null, 2)}\n`
}

/** Shorter ones would blot out ordinary words. */
const SHORTEST_SECRET = 9

/** `text` without any of `secrets`, as they are or as a URL has them. Nothing should say one; this is the last hand on it. */
export function blotOut(text: string, secrets: string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)])
    .sort((a, b) => b.length - a.length)
    .reduce((blotted, secret) => blotted.replaceAll(secret, '(hidden)'), text)
}
