/** What `npm run demo` is asked for on its command line. Pure: nothing is opened or read here. */
import { parseCommandLine, WrongArguments } from '../command-line.ts'

export interface DemoArguments {
  /** A folder, bare repository or bundle; null: the sample. */
  repository: string | null
  /** A case's JSON file, played by the scripted model. */
  caseFile: string | null
  /** What the real model is told. */
  task: string | null
  keepOpen: boolean
  help: boolean
}

export const USAGE = `npm run demo -- [options]

Without options: a small sample repository with a failing test, fixed by a scripted model, or by the real one
when OPENROUTER_API_KEY is set.

  --repo <folder or bundle>  a repository of your own, of which a copy is used; with --case or --task
  --case <file.json>         play a case on it with the scripted model, and compare the pull request with the known fix
  --task "<words>"           what the real model is to do on it; needs OPENROUTER_API_KEY
  --keep-open                leave the dashboard running afterwards, until Ctrl+C
  --help                     this text

Without a Docker engine only the sample runs, as processes of this machine. BERTH_SANDBOX=process lets anything run so.
`

/** Throws WrongArguments for what does not go together. `hasKey`: OPENROUTER_API_KEY is set. */
export function readArguments(argv: string[], hasKey: boolean): DemoArguments {
  const { values } = parseCommandLine(USAGE, {
    args: argv,
    options: {
      repo: { type: 'string' },
      case: { type: 'string' },
      task: { type: 'string' },
      'keep-open': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { repo = null, case: caseFile = null, task = null } = values
  if (caseFile !== null && repo === null)
    throw new WrongArguments('--case needs the repository that it is about: --repo.', USAGE)
  if (caseFile !== null && task !== null)
    throw new WrongArguments('--case brings its own task: leave out --task.', USAGE)
  if (repo !== null && caseFile === null && task === null) {
    throw new WrongArguments(
      '--repo needs --case <file.json> (scripted), or --task "..." with OPENROUTER_API_KEY set.',
      USAGE,
    )
  }
  if (task !== null && !hasKey) {
    throw new WrongArguments(
      '--task needs a real model: set OPENROUTER_API_KEY. The scripted one only plays cases.',
      USAGE,
    )
  }
  return { repository: repo, caseFile, task, keepOpen: values['keep-open'], help: values.help }
}
