/** Prints the faults as a table: one line each, whether the run survived it, how long that took, and the seed that chose the moments. */
import type { Reporter, TestModule } from 'vitest/node'
import { describeFault, faultKinds, planFaults, playableKinds, readFaultOptions } from './plan.ts'

interface Outcome {
  word: 'survived' | 'LOST' | 'NOT PLAYED'
  seconds: string
}

const NOT_PLAYED: Outcome = { word: 'NOT PLAYED', seconds: '-' }

export default class FaultReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const options = readFaultOptions(process.env)
    const outcomes = readOutcomes(modules)
    const lines = planFaults(options).map((fault) => {
      const name = describeFault(fault)
      return { name, ...(outcomes.get(name) ?? NOT_PLAYED) }
    })
    const survived = lines.filter(({ word }) => word === 'survived').length
    const out = [
      '',
      `Faults, seed ${options.seed}`,
      '',
      ...lines.map(({ name, word, seconds }) => `  ${word.padEnd(10)}  ${seconds.padStart(6)} s  ${name}`),
      ...faultKinds
        .filter((kind) => !playableKinds.includes(kind))
        .map((kind) => `  not played: ${kind} (needs root and dockerd)`),
      '',
      `${survived} of ${lines.length} survived. FAULT_SEED=${options.seed} chooses the same moments again.`,
    ]
    process.stdout.write(`${out.join('\n')}\n`)
    if (survived < lines.length) process.exitCode = 1
  }
}

function readOutcomes(modules: readonly TestModule[]): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>()
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      const seconds = ((test.diagnostic()?.duration ?? 0) / 1_000).toFixed(1)
      if (state === 'passed') outcomes.set(test.name, { word: 'survived', seconds })
      if (state === 'failed') outcomes.set(test.name, { word: 'LOST', seconds })
    }
  }
  return outcomes
}
