/** The program behind `npm start`: serves this installation until it is told to end, and says where it is and what it lacks. */

import { AlreadyRunning } from '../lib/composition/instance-lock.ts'
import { createProgress, describeDuration } from '../lib/composition/progress.ts'
import { type Serving, serve } from '../lib/composition/serve.ts'
import { StartRefused } from '../lib/composition/start-refused.ts'
import { loadSettings, SettingsError } from '../lib/config.ts'
import { isBerthError } from '../lib/errors.ts'
import { createLogger } from '../lib/logger.ts'
import { ensureOwnerLink } from '../lib/services/user/owner.ts'
import { describeEnvFile } from './env-file.ts'
import { projectDirectory } from './project-directory.ts'
import { describeGaps, describeIsolation } from './start-report.ts'

const write = (line: string) => process.stdout.write(`${line}\n`)

/** A terminal that is gone takes no more lines; that must not end the work. */
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => stream.removeAllListeners('drain'))

async function main(): Promise<void> {
  const began = performance.now()
  const ending = endOnSignal()
  const settings = loadSettings(projectDirectory)
  const serving = await serve({
    settings,
    logger: createLogger({ level: settings.logLevel }),
    root: projectDirectory,
    progress: createProgress({ write }),
    isDevelopment: process.argv.includes('--dev'),
    signal: ending,
  })
  await report(serving, performance.now() - began)
  await new Promise((resolve) => {
    if (ending.aborted) resolve(null)
    ending.addEventListener('abort', resolve, { once: true })
  })
  write('Stopping; agents that are at work go on.')
  await serving.close()
}

async function report(serving: Serving, tookMs: number): Promise<void> {
  write(`\nBerth is at ${serving.url} (ready after ${describeDuration(tookMs)}). Ctrl+C stops it.`)
  const warning = describeIsolation({ isolated: serving.parts.driver.isolated, uid: process.getuid?.() })
  if (warning.length > 0) write(`\n${warning.map((line) => `  !! ${line}`).join('\n')}`)
  const link = await ensureOwnerLink(serving.parts, serving.url)
  if (link !== null) write(`\nSign in the first time with this link; it works once, for a day:\n  ${link.url}`)
  const gaps = describeGaps({ settings: serving.parts.settings, imageProblem: serving.imageProblem })
  if (gaps.length > 0) write(`\nNot configured yet:\n${gaps.map((gap) => `  - ${gap}`).join('\n')}`)
  const mistakes = await describeEnvFile(projectDirectory)
  if (mistakes.length > 0) write(`\nIn .env:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`)
}

/** Ctrl+C arrives twice, from the terminal and from npm: only one that comes much later means "at once". */
function endOnSignal(): AbortSignal {
  const ending = new AbortController()
  let asked = 0
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!ending.signal.aborted) {
        asked = performance.now()
        ending.abort(new Ended())
      } else if (performance.now() - asked > 2_000) {
        process.exit(1)
      }
    })
  }
  return ending.signal
}

class Ended extends Error {}

try {
  await main()
  process.exit(0)
} catch (error) {
  if (error instanceof Ended) process.exit(0)
  if (error instanceof AlreadyRunning) {
    write(error.message)
    process.exit(0)
  }
  if (error instanceof SettingsError || error instanceof StartRefused) process.stderr.write(`${error.message}\n`)
  else if (isBerthError(error)) process.stderr.write(`${error.message}${error.hint ? ` ${error.hint}` : ''}\n`)
  else createLogger().error('Berth cannot start', { error })
  process.exit(1)
}
