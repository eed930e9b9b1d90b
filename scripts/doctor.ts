/** `npm run doctor`: looks at everything a set-up needs, says what is wrong and what to do, and changes nothing. */
import { listChecks } from './doctor/all-checks.ts'
import { readEnvironment, secretsOf } from './doctor/config.ts'
import { blotOut, judge, renderJson, renderText } from './doctor/render.ts'
import { runChecks } from './doctor/run-checks.ts'
import { projectDirectory } from './project-directory.ts'

/** Each thing that is asked has a shorter deadline of its own; this one is for what nobody thought of. */
const DEADLINE_MS = 15_000

const USAGE = `npm run doctor [-- --json]

Looks at Node, git, the Docker engine, the agent image, the database, the keys, and what else Berth needs on this machine,
and says what to do about each thing that is wrong. Changes nothing; Berth may be running or not.

  --json   the findings for programs
Exit status: 0 when the main job can run, 1 when it cannot, 2 for a wrong argument.
`

const args = process.argv.slice(2)
const unknown = args.filter((argument) => argument !== '--json' && argument !== '--help')
if (args.includes('--help')) end(USAGE, 0)
else if (unknown.length > 0) end(`doctor: unknown ${unknown.join(' ')}.\n\n${USAGE}`, 2)
else await examine(args.includes('--json'))

async function examine(asJson: boolean): Promise<void> {
  const environment = readEnvironment(projectDirectory)
  const results = await runChecks(listChecks(environment, projectDirectory), DEADLINE_MS)
  const colour = process.stdout.isTTY && process.stdout.hasColors()
  const text = asJson ? renderJson(results) : renderText(results, colour)
  end(blotOut(text, secretsOf(environment)), judge(results).canRun ? 0 : 1)
}

/** Connections that never answered would keep the process alive. */
function end(text: string, status: number): void {
  const stream = status === 2 ? process.stderr : process.stdout
  stream.write(text, () => process.exit(status))
}
