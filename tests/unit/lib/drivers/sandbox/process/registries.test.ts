import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { askRegistryHosts } from '../../../../../../lib/drivers/sandbox/process/registries.ts'
import { silentLogger } from '../../../../../../lib/logger.ts'

const PATH = process.env.PATH ?? ''

it("the hosts are those that the machine's package managers say they use", async () => {
  const env = { PATH, HOME: '/nonexistent' } as unknown as NodeJS.ProcessEnv
  const { stdout } = await promisify(execFile)('npm', ['config', 'get', 'registry'], { env, cwd: '/' })
  const hosts = await askRegistryHosts({ PATH }, silentLogger)
  expect(hosts).toContain(new URL(stdout.trim()).hostname)
  expect(hosts).toEqual([...new Set(hosts)].sort())
})

it('a machine without any has none', async () => {
  expect(await askRegistryHosts({ PATH: '/nonexistent' }, silentLogger)).toEqual([])
})
