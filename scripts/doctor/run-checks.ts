/** Runs checks side by side and waits for none of them longer than its deadline. Must not know: what is checked. */
import { causeChain } from '../../lib/logger.ts'
import { type Finding, warning } from './finding.ts'

export interface Check {
  /** For machines; does not change. */
  id: string
  /** For people. */
  title: string
  /** Nothing to say is an empty list. */
  look(): Promise<Finding[]>
}

export interface CheckResult {
  id: string
  title: string
  findings: Finding[]
}

/** In the order of `checks`. Never rejects: what a check throws is a finding. */
export async function runChecks(checks: Check[], deadlineMs: number): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async ({ id, title, look }) => ({ id, title, findings: await lookInTime(look, deadlineMs) })),
  )
}

async function lookInTime(look: Check['look'], deadlineMs: number): Promise<Finding[]> {
  const late = Promise.withResolvers<Finding[]>()
  const timer = setTimeout(() => {
    late.resolve([
      warning(
        `This could not be found out within ${deadlineMs / 1_000} s.`,
        'Run npm run doctor again; if it stays, look at what else is wrong first.',
      ),
    ])
  }, deadlineMs)
  try {
    return await Promise.race([look(), late.promise])
  } catch (error) {
    const words = causeChain(error).messages.join(', caused by ').replaceAll(/\s+/g, ' ')
    return [warning(`This could not be found out: ${words}`, 'Look at what else is wrong first; else report it.')]
  } finally {
    clearTimeout(timer)
  }
}
