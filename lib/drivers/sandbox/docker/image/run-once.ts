/** A container without a network that runs one command of an image's build to its end and is gone afterwards. */
import { BerthError } from '../../../../errors.ts'
import { isAbandonedBuilder, ownBuilder } from '../builder.ts'
import type { ContainerEngine, ImageEngine } from '../engine/engine.ts'
import { LABEL } from '../labels.ts'

const OUTPUT_LINES = 200

export interface OneRun<T> {
  image: string
  command: string[]
  user: string
  signal: AbortSignal
  /** Done with the ended container before it is removed. */
  afterwards?(containerId: string): Promise<T>
}

/** Throws `image_missing` with the output in `details.logTail` when the command fails. */
export async function runOnce<T = void>(
  engine: ContainerEngine & ImageEngine,
  run: OneRun<T>,
): Promise<{ lines: string[]; result: T | undefined }> {
  const id = await engine.createContainer('', {
    Image: run.image,
    Cmd: run.command,
    User: run.user,
    Labels: { [LABEL.part]: 'build', [LABEL.builder]: ownBuilder() },
    HostConfig: { NetworkMode: 'none' },
  })
  try {
    await engine.startContainer(id)
    const exitCode = await engine.waitForEnd(id, run.signal)
    const lines = await engine.readLogs(id, OUTPUT_LINES)
    if (exitCode !== 0) {
      throw new BerthError(
        'image_missing',
        `\`${run.command.join(' ').slice(0, 200)}\` ended with ${exitCode} in ${run.image}.`,
        {
          hint: 'This is part of building the agent image; the last lines say why.',
          details: { logTail: lines.slice(-50) },
        },
      )
    }
    return { lines, result: await run.afterwards?.(id) }
  } finally {
    await engine.removeContainer(id)
  }
}

/** Removes those of processes of this machine that were killed meanwhile. */
export async function removeAbandonedRuns(engine: ContainerEngine): Promise<void> {
  for (const { id, labels } of await engine.listContainers([LABEL.builder])) {
    if (isAbandonedBuilder(labels[LABEL.builder])) await engine.removeContainer(id)
  }
}
