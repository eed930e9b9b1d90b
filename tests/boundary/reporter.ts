/**
 * Prints the boundary as a table: one line a try, and whether it held. A line of the list that no test tried is printed as such
 * and fails the run, as a broken one does; an area of which nothing was run (by a filter) is named and left out.
 */
import type { Reporter, TestModule } from 'vitest/node'
import { suiteName } from './describe-boundary.ts'
import { type BoundaryArea, boundaryTries } from './tries/index.ts'

type Outcome = 'held' | 'BROKEN' | 'NOT TRIED'

export default class BoundaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const outcomes = readOutcomes(modules)
    const counts = { held: 0, BROKEN: 0, 'NOT TRIED': 0 }
    const lines: string[] = []
    for (const area of Object.keys(boundaryTries) as BoundaryArea[]) {
      const isPlayed = [...outcomes.keys()].some((name) => name.startsWith(suiteName(area)))
      lines.push('', isPlayed ? area : `${area}: not part of this run`)
      if (!isPlayed) continue
      for (const name of boundaryTries[area]) {
        const outcome = outcomes.get(`${suiteName(area)} > ${name}`) ?? 'NOT TRIED'
        counts[outcome] += 1
        lines.push(`  ${outcome.padEnd(9)}  ${name}`)
      }
    }
    lines.push('', `${counts.held} held, ${counts.BROKEN} broken, ${counts['NOT TRIED']} not tried.`)
    process.stdout.write(`${lines.join('\n')}\n`)
    if (counts.BROKEN + counts['NOT TRIED'] > 0) process.exitCode = 1
  }
}

function readOutcomes(modules: readonly TestModule[]): Map<string, Outcome> {
  const outcomes = new Map<string, Outcome>()
  for (const module of modules) {
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed') outcomes.set(test.fullName, 'held')
      if (state === 'failed') outcomes.set(test.fullName, 'BROKEN')
    }
  }
  return outcomes
}
