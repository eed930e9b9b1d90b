import { defineConfig } from 'vitest/config'

// Set by `npm test`, which looks for what tests need first; its last lines name the groups that were left out.
const withEngine = process.env.BERTH_TEST_ENGINE === '1'
const withBrowser = process.env.BERTH_TEST_BROWSER === '1'
const withRegistry = process.env.BERTH_TEST_REGISTRY === '1'
const withPython = process.env.BERTH_TEST_PYTHON === '1'

const END_TO_END = 'tests/e2e/**/*.test.ts'
const BOUNDARY = 'tests/boundary/**/*.test.ts'
const FAULTS = 'tests/faults/**/*.test.ts'
const leftOut = [
  ...(withEngine ? [] : ['tests/**/*.engine.test.ts']),
  ...(withEngine && withBrowser ? [] : ['tests/**/*.browser.test.ts']),
  ...(withEngine && withRegistry ? [] : ['tests/**/*.registry.test.ts']),
  ...(withPython ? [] : ['tests/**/*.python.test.ts']),
]

/** Each file is a whole installation with containers: one at a time, and after everything that is quick. */
const whole = (name: string, include: string, groupOrder: number) => ({
  test: {
    name,
    include: [include],
    exclude: leftOut,
    globalSetup: ['tests/support/e2e-global-setup.ts'],
    pool: 'forks' as const,
    fileParallelism: false,
    sequence: { groupOrder },
    testTimeout: 90_000,
    hookTimeout: 120_000,
  },
})

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'parts',
          include: ['tests/**/*.test.ts'],
          exclude: [END_TO_END, BOUNDARY, FAULTS, ...leftOut],
          globalSetup: ['tests/support/global-setup.ts'],
          pool: 'forks',
          testTimeout: 20_000,
          // What is polled runs beside everything else, and waits for a database.
          expect: { poll: { timeout: 10_000 } },
          hookTimeout: 60_000,
        },
      },
      whole('whole', END_TO_END, 1),
      whole('boundary', BOUNDARY, 2),
      whole('faults', FAULTS, 3),
    ],
  },
})
