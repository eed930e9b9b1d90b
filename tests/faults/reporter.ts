/** Prints the faults as a table: one line each, whether the run survived it, how long that took, and the seed that chose the moments. */
import type { Reporter, TestModule } from 'vitest/node'
import { describeFault, faultKinds, planFaults, playedKinds, readFaultOptions } from './plan.ts'

export default class FaultReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const options = readFaultOptions(process.env)
    const outcomes = new Map<string, { state: string; seconds: string }>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const seconds = ((test.diagnostic()?.duration ?? 0) / 1_000).toFixed(1)
        outcomes.set(test.name, { state: test.result().state, seconds })
      }
    }
    const lines = ['', `Faults, seed ${options.seed}`, '']
    let survived = 0
    const faults = planFaults(options)
    for (const fault of faults) {
      const name = describeFault(fault)
      const outcome = outcomes.get(name)
      if (outcome?.state === 'passed') survived += 1
      const word = outcome === undefined ? 'NOT PLAYED' : outcome.state === 'passed' ? 'survived' : 'LOST'
      lines.push(`  ${word.padEnd(10)}  ${(outcome?.seconds ?? '-').padStart(6)} s  ${name}`)
    }
    for (const kind of faultKinds.filter((known) => !playedKinds.includes(known)))
      lines.push(`  not played: ${kind} (needs root)`)
    lines.push('', `${survived} of ${faults.length} survived. FAULT_SEED=${options.seed} plays the same moments again.`)
    process.stdout.write(`${lines.join('\n')}\n`)
    if (survived < faults.length) process.exitCode = 1
  }
}
