import { describe, expect, it } from 'vitest'
import { EngineRefusal } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { toEngineError } from '../../../../../../../lib/drivers/sandbox/docker/engine/engine-error.ts'

const doing = { address: 'unix:///var/run/docker.sock', call: 'create container' }

describe('errors of the engine', () => {
  it('become a refusal with the status and the engine’s own words', () => {
    const answered = Object.assign(new Error('(HTTP code 409) conflict - name in use '), {
      statusCode: 409,
      reason: 'conflict',
      json: { message: 'name in use' },
    })
    const refusal = toEngineError(answered, doing)
    expect(refusal).toBeInstanceOf(EngineRefusal)
    expect(refusal).toMatchObject({ statusCode: 409, message: 'name in use', cause: answered })
  })

  it('lose the client library’s frame where the answer was a stream', () => {
    const answered = Object.assign(new Error('(HTTP code 500) server error - no such host '), {
      statusCode: 500,
      reason: 'server error',
      json: null,
    })
    expect(toEngineError(answered, doing)).toMatchObject({ message: 'no such host' })
  })

  it('become engine_unreachable with the command that starts it when nothing listens', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
    expect(toEngineError(refused, doing)).toMatchObject({
      code: 'engine_unreachable',
      message: 'The Docker engine at unix:///var/run/docker.sock cannot be reached (create container: ECONNREFUSED).',
      hint: expect.stringContaining('sudo systemctl start docker'),
    })
  })

  it('name the group when this user may not use the engine', () => {
    const denied = Object.assign(new Error('connect EACCES'), { code: 'EACCES' })
    expect(toEngineError(denied, doing)).toMatchObject({ hint: expect.stringContaining('usermod -aG docker') })
  })

  it('leave a cancellation and a defect as they are', () => {
    const aborted = new DOMException('stop', 'AbortError')
    const defect = new TypeError('x is undefined')
    expect(toEngineError(aborted, doing)).toBe(aborted)
    expect(toEngineError(defect, doing)).toBe(defect)
  })
})
