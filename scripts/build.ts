/** `npm run build`: what the first start would make of the sources, made now. The image of docker-compose.yml brings it along. */
import { ensureAppBuilt } from '../lib/composition/app-build.ts'
import { createProgress } from '../lib/composition/progress.ts'
import { readWords } from './command-line.ts'
import { endWithWords } from './end-with-words.ts'
import { projectDirectory } from './project-directory.ts'

const USAGE = `npm run build

Builds what the first start would make of the sources.
`

await endWithWords(async () => {
  if (readWords(USAGE, process.argv.slice(2), 0) === null) return void process.stdout.write(USAGE)
  const { signal } = new AbortController()
  const progress = createProgress({ write: (line) => process.stdout.write(`${line}\n`) })
  await progress.step('Building the pages', (onProgress) =>
    ensureAppBuilt({ root: projectDirectory, onProgress, signal }),
  )
})
