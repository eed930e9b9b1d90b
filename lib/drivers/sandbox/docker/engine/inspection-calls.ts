/** Of the engine port over dockerode: what the engine and its machine are like, for who checks a set-up. Changes nothing. */
import { z } from 'zod'
import type { EngineInspection } from './engine.ts'
import type { EngineClients } from './open-engine.ts'

const versionAnswer = z.looseObject({
  Version: z.string(),
  ApiVersion: z.string(),
  Components: z.array(z.looseObject({ Name: z.string() })).nullish(),
})

/** What older engines and those that only speak Docker's wire leave out is taken as the usual. */
const infoAnswer = z.looseObject({
  Name: z.string().default(''),
  OperatingSystem: z.string().default(''),
  Driver: z.string().default('unknown'),
  SecurityOptions: z.array(z.string()).nullish(),
  CgroupVersion: z.string().default('1'),
  DockerRootDir: z.string().default(''),
  MemTotal: z.number().default(0),
  NCPU: z.number().default(0),
  MemoryLimit: z.boolean().default(true),
  CpuCfsQuota: z.boolean().default(true),
  PidsLimit: z.boolean().default(true),
})

export function createInspectionCalls({ short, ask }: EngineClients): EngineInspection {
  return {
    inspectEngine: () =>
      ask('version and info', async () => {
        const [version, info] = await Promise.all([
          short.version().then((answer) => versionAnswer.parse(answer)),
          short.info().then((answer) => infoAnswer.parse(answer)),
        ])
        return {
          product: version.Components?.some(({ Name }) => /podman/i.test(Name)) ? 'Podman' : 'Docker',
          version: version.Version,
          apiVersion: version.ApiVersion,
          hostName: info.Name,
          operatingSystem: info.OperatingSystem,
          storageDriver: info.Driver,
          securityOptions: info.SecurityOptions ?? [],
          cgroupVersion: info.CgroupVersion,
          rootDirectory: info.DockerRootDir,
          memoryBytes: info.MemTotal,
          cpus: info.NCPU,
          enforces: { memory: info.MemoryLimit, cpu: info.CpuCfsQuota, pids: info.PidsLimit },
        }
      }),

    askRegistry: async (image) => {
      await ask('ask registry', () => short.getImage(image).distribution())
    },
  }
}
