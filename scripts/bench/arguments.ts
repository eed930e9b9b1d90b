/** What `npm run bench` is asked for on its command line. Pure. */
import { parseCommandLine, WrongArguments } from '../command-line.ts'
import { benches } from './benches.ts'

export interface BenchArguments {
  /** Names of benches, in the order in which they run. */
  only: string[]
  /** Null: each bench's own. */
  repeat: number | null
  json: boolean
  help: boolean
}

const names = benches.map(({ name }) => name)

export const USAGE = `npm run bench -- [options]

Measures an installation of its own, with a scripted model that answers at once, beside the goals of the project.
Takes some minutes, and says nothing true on a machine that is busy with something else.

  --only <name>    one of ${names.join(', ')}; may be given more than once
  --repeat <n>     repetitions, in place of each bench's own
  --json           the results, with every sample, as JSON on standard output
  --help           this text
`

/** Throws WrongArguments for what is not known. */
export function readArguments(argv: string[]): BenchArguments {
  const { values } = parseCommandLine(USAGE, {
    args: argv,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      repeat: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const unknown = values.only.filter((name) => !names.includes(name))
  if (unknown.length > 0)
    throw new WrongArguments(`There is no bench "${unknown[0]}"; there are ${names.join(', ')}.`, USAGE)
  const repeat = values.repeat === undefined ? null : Number(values.repeat)
  if (repeat !== null && (!Number.isInteger(repeat) || repeat < 1)) {
    throw new WrongArguments(`--repeat takes a number of repetitions, 1 or more; "${values.repeat}" is none.`, USAGE)
  }
  const only = values.only.length === 0 ? names : names.filter((name) => values.only.includes(name))
  return { only, repeat, json: values.json, help: values.help }
}
