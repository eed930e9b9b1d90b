import { describe, expect, it } from 'vitest'
import { findViolations } from '../../../../scripts/check-imports/find-violations.ts'

const check = (files: Record<string, string>) => findViolations(new Map(Object.entries(files)))

describe('findViolations', () => {
  it('accepts imports that point the one way', () => {
    expect(
      check({
        'lib/clock.ts': 'export const a = 1\n',
        'lib/domain/rule.ts': "import { a } from '../clock.ts'\nexport { a }\n",
        'lib/services/agent/start.ts': "import { a } from '../../domain/rule.ts'\nexport { a }\n",
        'app/page.tsx': "import { a } from '../lib/services/agent/start.ts'\nexport { a }\n",
      }),
    ).toEqual([])
  })

  it.each([
    ['lib/domain/rule.ts', 'lib/services/agent/start.ts', 'domain may not import services'],
    ['lib/store/agents.ts', 'lib/gateway/git/broker.ts', 'store may not import gateway'],
    ['lib/drivers/forge/github.ts', 'lib/drivers/bridge/client.ts', 'forge driver may not import bridge driver'],
    ['lib/services/agent/start.ts', 'lib/store/prisma-stores.ts', 'services may not import store'],
    ['lib/http/handle.ts', 'lib/composition/serve.ts', 'http may not import composition'],
    [
      'container/bridge/tools/read.ts',
      'container/bridge/executor/run.ts',
      'bridge tools may not import bridge executor',
    ],
    [
      'container/bridge/server/routes.ts',
      'container/bridge/tools/read.ts',
      'bridge server may not import bridge tools',
    ],
    ['container/runner/main.ts', 'lib/domain/rule.ts', 'runner may not import domain'],
    ['app/model/diff.ts', 'lib/http/handle.ts', 'browser may not import http'],
    ['lib/domain/rule.ts', 'scripts/demo.ts', 'domain may not import scripts or tests'],
  ])('refuses that %s imports %s', (file, target, words) => {
    const up = '../'.repeat(file.split('/').length - 1)
    const violations = check({ [file]: `import { a } from '${up}${target}'\n`, [target]: 'export const a = 1\n' })
    expect(violations).toEqual([`${file}:1 imports ${target}: ${words}${violations[0]?.split(words)[1]}`])
  })

  it('lets a part know the types of another where that is all it needs', () => {
    const target = { 'lib/config.ts': 'export interface Settings {}\n' }
    const file = 'lib/services/context.ts'
    expect(check({ ...target, [file]: "import type { Settings } from '../config.ts'\n" })).toEqual([])
    expect(check({ ...target, [file]: "import { type Settings } from '../config.ts'\n" })).toEqual([])
    expect(check({ ...target, [file]: "import { readSettings } from '../config.ts'\n" })).toEqual([
      'lib/services/context.ts:1 imports lib/config.ts: services may import only types of config',
    ])
  })

  it('keeps packages to the part that owns them, also when they are imported late or as types', () => {
    expect(
      check({
        'lib/services/agent/start.ts': "import type { PrismaClient } from '@prisma/client'\n",
        'lib/drivers/bridge/client.ts': "const docker = await import('dockerode')\n",
        'container/contract/events.ts': "import { readFile } from 'node:fs/promises'\n",
        'scripts/start.mjs': "import { z } from 'zod'\n",
      }),
    ).toEqual([
      'lib/services/agent/start.ts:1 imports @prisma/client: only store may',
      'lib/drivers/bridge/client.ts:1 imports dockerode: only docker driver may',
      'container/contract/events.ts:1 imports node:fs/promises: contract may import only ^zod$',
      'scripts/start.mjs:1 imports zod: set-up may import only ^node:',
    ])
  })

  it('finds imports over several lines and in re-exports, and none in comments', () => {
    const source = [
      '// import { a } from "./nowhere.ts"',
      "/* import { a } from './nowhere.ts' */",
      'import {',
      '  a,',
      '  b,',
      "} from './missing.ts'",
      "export { c } from './gone.ts'",
      '',
    ].join('\n')
    expect(check({ 'lib/domain/rule.ts': source })).toEqual([
      'lib/domain/rule.ts:3 imports lib/domain/missing.ts, which is not there',
      'lib/domain/rule.ts:7 imports lib/domain/gone.ts, which is not there',
    ])
  })

  it('refuses process.env outside the config files', () => {
    expect(
      check({
        'lib/config.ts': 'export const port = process.env.PORT\n',
        'lib/domain/rule.ts': '\nconst a = process.env.PORT\n// process.env is not read here\n',
      }),
    ).toEqual(['lib/domain/rule.ts:2 reads the environment: only the config files do'])
  })

  it('names a cycle, and allows one of types', () => {
    const pair = (keyword: string) => ({
      'lib/domain/a.ts': `${keyword} { b } from './b.ts'\n`,
      'lib/domain/b.ts': `${keyword} { a } from './a.ts'\n`,
    })
    expect(check(pair('import'))).toEqual(['a cycle of imports: lib/domain/a.ts -> lib/domain/b.ts -> lib/domain/a.ts'])
    expect(check(pair('import type'))).toEqual([])
  })

  it('wants every file to have a place', () => {
    expect(check({ 'lib/helpers/misc.ts': 'export const a = 1\n' })).toEqual([
      'lib/helpers/misc.ts:1 belongs to no part of scripts/check-imports/zones.ts',
    ])
  })
})
