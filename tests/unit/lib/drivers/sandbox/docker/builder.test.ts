import { spawn } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { isAbandonedBuilder, ownBuilder } from '../../../../../../lib/drivers/sandbox/docker/builder.ts'

/** The label of a process of this machine that has ended. */
async function endedBuilder(): Promise<string> {
  const ended = spawn('true')
  await new Promise((resolve) => ended.once('exit', resolve))
  return ownBuilder().replace(/\d+$/, String(ended.pid))
}

describe('isAbandonedBuilder', () => {
  it('is true of a process of this machine that has ended', async () => {
    expect(isAbandonedBuilder(await endedBuilder())).toBe(true)
  })

  it('is false of a living one, and of this one unless it is asked about what came before', () => {
    expect(isAbandonedBuilder(ownBuilder().replace(/\d+$/, String(process.ppid)))).toBe(false)
    expect(isAbandonedBuilder(ownBuilder())).toBe(false)
    expect(isAbandonedBuilder(ownBuilder(), { orOwn: true })).toBe(true)
  })

  it('is false where the number means nothing here: another machine, or another container of this host', async () => {
    const [host, , pid] = (await endedBuilder()).split('/')
    expect(isAbandonedBuilder(`elsewhere/${(await endedBuilder()).split('/')[1]}/${pid}`)).toBe(false)
    expect(isAbandonedBuilder(`${host}/pid:[1]/${pid}`)).toBe(false)
    expect(isAbandonedBuilder(`${host}/${pid}`)).toBe(false)
    expect(isAbandonedBuilder(undefined)).toBe(false)
  })
})
