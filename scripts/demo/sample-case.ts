/** The demo's own case: a small project (the folder `sample` beside this file) with a rounding bug and a test that shows it. */
import { fileURLToPath } from 'node:url'
import type { PlayedCase } from './case.ts'

export const SAMPLE_FOLDER = fileURLToPath(new URL('./sample', import.meta.url))

export const sampleCase: PlayedCase = {
  name: 'durations',
  repo: 'sample/durations',
  title: 'Carry rounded seconds into the minutes',
  task: 'The test suite fails: formatDuration(119700) gives "1m 60s" where it should give "2m 00s". Find out why, fix it, and see that all tests pass.',
  test: 'node --test',
  edits: [
    {
      kind: 'edit',
      path: 'src/format-duration.js',
      old: `  if (ms >= HOUR) {
    const hours = Math.floor(ms / HOUR)
    const minutes = Math.floor((ms % HOUR) / MINUTE)
    return \`\${hours}h \${twoDigits(minutes)}m\`
  }
  const minutes = Math.floor(ms / MINUTE)
  const seconds = Math.round((ms % MINUTE) / SECOND)
`,
      new: `  // Rounded before it is split, so that 59.7 seconds carry into the minutes.
  const rounded = Math.round(ms / SECOND) * SECOND
  if (rounded >= HOUR) {
    const hours = Math.floor(rounded / HOUR)
    const minutes = Math.floor((rounded % HOUR) / MINUTE)
    return \`\${hours}h \${twoDigits(minutes)}m\`
  }
  const minutes = Math.floor(rounded / MINUTE)
  const seconds = (rounded % MINUTE) / SECOND
`,
    },
  ],
}
