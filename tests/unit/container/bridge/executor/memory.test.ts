import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openMemory } from '../../../../../container/bridge/executor/memory.ts'
import { openJournal } from '../../../../../container/bridge/journal/journal.ts'
import { systemClock } from '../../../../../lib/clock.ts'
import { randomIds } from '../../../../../lib/ids.ts'
import { silentLogger } from '../../../../../lib/logger.ts'
import { commandOf } from '../../../../support/executor-rig.ts'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'berth-memory-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

const open = () => openJournal({ directory, ids: randomIds, clock: systemClock, logger: silentLogger })

describe('what was said so far', () => {
  it('holds the words of runs that never began, once however often they are sent', async () => {
    const journal = await open()
    const memory = openMemory(journal)
    const earlier = [{ eventId: 'evt_0', text: 'First.' }]
    const command = commandOf({ earlier })
    memory.recall(command)
    const conversation = memory.recall(command)
    const inputs = [...journal.entries()].flatMap((entry) => (entry.kind === 'input' ? [entry.input] : []))
    expect(inputs.map((input) => (input.kind === 'message' ? input.message.eventId : input.kind))).toEqual([
      'evt_0',
      command.input.eventId,
    ])
    expect(conversation.knowsMessage('evt_0')).toBe(true)
    await journal.close()
  })

  it('is asked for when the journal was replaced in the middle of a run and the bridge began anew', async () => {
    const before = await open()
    before.renew('torn')
    before.append({ type: 'text', runId: 'run_1', data: { step: 2, messageId: 'm', text: 'half of it' } })
    await before.close()
    const journal = await open()
    const stored = { journalId: journal.journalId, n: journal.lastN }
    expect(() => openMemory(journal).recall(commandOf({ runId: 'run_2', stored }))).toThrow(
      expect.objectContaining({ code: 'history_needed' }),
    )
    await journal.close()
  })
})
