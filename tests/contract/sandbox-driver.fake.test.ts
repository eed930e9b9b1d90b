import { createFakeSandboxDriver } from '../support/fake-sandbox-driver.ts'
import { describeSandboxDriver } from './sandbox-driver.ts'

describeSandboxDriver('fake', async () => {
  const driver = createFakeSandboxDriver({ images: ['good', 'broken'], brokenImages: { broken: ['it is broken'] } })
  return {
    driver,
    image: 'good',
    brokenImage: { name: 'broken' },
    killOutside: async (sandbox) => driver.endOutside(sandbox),
    killRunner: async (sandbox) => driver.endRunner(sandbox),
    countRunners: async (sandbox) => driver.countRunners(sandbox),
    writeFile: async (sandbox, file, text) => {
      driver.files(sandbox)?.set(file, text)
    },
    readFile: async (sandbox, file) => driver.files(sandbox)?.get(file) ?? null,
    hasVolumes: async (owner) => driver.files(owner) !== null,
    close: async () => driver.close(),
  }
})
