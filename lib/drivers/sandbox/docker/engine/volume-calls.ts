/** Of the engine port over dockerode: volumes. */
import { orNull, unlessStatus } from './answers.ts'
import type { ContainerEngine } from './engine.ts'
import type { EngineClients } from './open-engine.ts'

type VolumeCall = 'createVolume' | 'findVolume' | 'listVolumes' | 'removeVolume'

export function createVolumeCalls({ short, ask }: EngineClients): Pick<ContainerEngine, VolumeCall> {
  return {
    createVolume: (name, labels) =>
      ask('create volume', async () => {
        await short.createVolume({ Name: name, Labels: labels })
      }),

    findVolume: (name) =>
      orNull(ask('inspect volume', async () => ({ labels: (await short.getVolume(name).inspect()).Labels ?? {} }))),

    listVolumes: (labels) =>
      ask('list volumes', async () => {
        const { Volumes } = await short.listVolumes({ filters: { label: labels } })
        return (Volumes ?? []).map((volume) => volume.Name)
      }),

    removeVolume: (name) =>
      unlessStatus(
        [404],
        ask('remove volume', () => short.getVolume(name).remove()),
      ),
  }
}
