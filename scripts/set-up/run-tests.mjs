/**
 * `npm test`: everything that must hold before a change is good. Installs and generates first, looks for a Docker engine, a
 * browser, a package registry and Python, and says at the end which tests could not be run without them; with CI set that is a
 * failure. Arguments go to vitest: npm test -- tests/unit/lib/domain
 *
 * `npm run test:boundary` (--boundary): what is tried against the sandbox's boundary alone, one line a try.
 * `npm run test:faults` (--faults): what is killed in the middle of runs alone, ten of each kind, one line a fault.
 */
import { randomInt } from 'node:crypto'
import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { findBrowser, findEngine, findOwnEngine, findPython, findRegistry } from './find-test-needs.mjs'
import { runOnNode24 } from './node24.mjs'
import { prepareProject } from './prepare.mjs'
import { describeDuration, projectDirectory, runMain, SetUpError, say } from './project.mjs'

const inProject = (...names) => path.join(projectDirectory, ...names)
const packageFile = (...names) => inProject('node_modules', ...names)

/** Projects of the tests that are run alone and print a table of their own. */
const TABLES = { '--boundary': 'boundary', '--faults': 'faults' }
const SEEDS = 1_000_000_000

const CHECKS = [
  { name: 'types', script: packageFile('typescript', 'bin', 'tsc'), args: ['--noEmit'] },
  {
    name: 'style',
    script: packageFile('@biomejs', 'biome', 'bin', 'biome'),
    args: ['check', '--error-on-warnings', '.'],
  },
  { name: 'imports', script: inProject('scripts', 'check-imports', 'check-imports.ts') },
]

/** All of them run, so that one look shows everything that is wrong. */
async function runChecks() {
  const failed = []
  for (const { name, script, args } of CHECKS) {
    const began = performance.now()
    const code = await runOnNode24({ script, args })
    say(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${describeDuration(performance.now() - began)})`)
    if (code !== 0) failed.push(name)
  }
  return failed
}

async function findNeeds() {
  const [engine, ownEngine, browser, registry, python] = await Promise.all([
    findEngine(),
    findOwnEngine(),
    findBrowser(),
    findRegistry(),
    findPython(),
  ])
  const left = []
  if (engine.problem) left.push(`tests on a real container (*.engine.test.ts): ${engine.problem}`)
  if (engine.problem || ownEngine.problem) {
    left.push(`faults of an engine of the tests' own (tests/faults): ${ownEngine.problem ?? engine.problem}`)
  }
  if (engine.problem || browser.problem) {
    left.push(`tests in a real browser (*.browser.test.ts): ${browser.problem ?? engine.problem}`)
  }
  if (engine.problem || registry.problem) {
    left.push(`tests that install packages (*.registry.test.ts): ${registry.problem ?? engine.problem}`)
  }
  if (python.problem) left.push(`tests that run Python (*.python.test.ts): ${python.problem}`)
  const env = {
    BERTH_TEST_ENGINE: engine.problem ? '0' : '1',
    BERTH_TEST_OWN_ENGINE: engine.problem || ownEngine.problem ? '0' : '1',
    BERTH_TEST_BROWSER: browser.problem ? '0' : '1',
    BERTH_TEST_REGISTRY: registry.problem ? '0' : '1',
    BERTH_TEST_PYTHON: python.problem ? '0' : '1',
    BERTH_TEST_BROWSER_PATH: browser.path ?? '',
  }
  return { left, env }
}

function tableArguments(project) {
  return ['--project', project, '--reporter', 'default', '--reporter', `./tests/${project}/reporter.ts`]
}

/** Ten of each kind at moments of their own each time, where it is all about them; else one of each, always at the same. */
function chooseFaults(table) {
  const { FAULT_SEED, FAULT_ROUNDS } = process.env
  const isAllAboutThem = table === 'faults'
  return {
    FAULT_SEED: FAULT_SEED || (isAllAboutThem ? String(randomInt(SEEDS)) : '1'),
    FAULT_ROUNDS: FAULT_ROUNDS || (isAllAboutThem ? '10' : '1'),
  }
}

async function runTests() {
  const given = process.argv.slice(2)
  const table = TABLES[given.find((argument) => argument in TABLES)]
  const filters = given.filter((argument) => !(argument in TABLES))
  await prepareProject()
  const failed = given.length === 0 ? await runChecks() : []
  const { left, env } = await findNeeds()
  const faults = chooseFaults(table)
  const code = await runOnNode24({
    script: packageFile('vitest', 'vitest.mjs'),
    args: ['run', ...(table ? tableArguments(table) : []), ...filters],
    env: { ...env, ...faults, NODE_ENV: 'test' },
  })
  if (code !== 0) failed.push('tests')
  if (given.length === 0) say(`The moments of tests/faults were chosen by FAULT_SEED=${faults.FAULT_SEED}.`)
  for (const group of left) say(`NOT RUN: ${group}`)
  const isCi = !['', '0', 'false'].includes(process.env.CI ?? '')
  if (left.length > 0 && isCi) failed.push('not everything was run')
  say(failed.length === 0 ? 'Everything that was run passes.' : `Failed: ${failed.join(', ')}.`)
  if (failed.length > 0) process.exitCode = 1
}

await runMain(async () => {
  try {
    await access(inProject('package-lock.json'), constants.R_OK)
  } catch {
    throw new SetUpError(`${projectDirectory} holds no package-lock.json: this is not a clone of the project.`)
  }
  await runTests()
})
