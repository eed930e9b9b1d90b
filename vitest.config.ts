import { defineConfig } from 'vitest/config'

// Set by `npm test`, which looks for an engine and a browser first; its last lines name the groups that were left out.
const withEngine = process.env.BERTH_TEST_ENGINE === '1'
const withBrowser = process.env.BERTH_TEST_BROWSER === '1'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: [
      ...(withEngine ? [] : ['tests/**/*.engine.test.ts']),
      ...(withEngine && withBrowser ? [] : ['tests/**/*.browser.test.ts']),
    ],
    globalSetup: ['tests/support/global-setup.ts'],
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
})
