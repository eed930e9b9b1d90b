/** `npm run bench`: what starts, resumes, steps and cancels take on this machine, beside the goals. No pass or fail by the clock. */
import { loadSettings } from '../lib/config.ts'
import { readArguments, USAGE } from './bench/arguments.ts'
import { summarise, timesGoal } from './bench/measurement.ts'
import { type BenchResult, runBench } from './bench/run-bench.ts'
import { renderMachine, renderTable } from './bench/table.ts'
import { projectDirectory } from './project-directory.ts'
import { runInterruptibly } from './run-interruptibly.ts'

const write = (text: string) => void process.stdout.write(text)
// Standard output is the results' alone; Next talks on the console.
console.log = console.error
console.info = console.error

await runInterruptibly('bench', async (ending) => {
  const args = readArguments(process.argv.slice(2))
  if (args.help) return write(USAGE)
  const result = await runBench({
    only: args.only,
    repeat: args.repeat,
    settings: loadSettings(projectDirectory),
    say: (line) => void process.stderr.write(`${line}\n`),
    signal: ending.signal,
  })
  if (args.json) write(`${JSON.stringify(toJson(result), null, 2)}\n`)
  else write(`\n${renderMachine(result.machine)}\n\n${renderTable(result.measurements)}\n`)
})

function toJson({ machine, measurements }: BenchResult) {
  const withSummary = measurements.map((measurement) => ({
    ...measurement,
    ...summarise(measurement),
    timesGoal: timesGoal(measurement),
  }))
  return { machine, measurements: withSummary }
}
