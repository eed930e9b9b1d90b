import { describe, expect, it } from 'vitest'
import type { Reply } from '../../../../../scripts/doctor/ask.ts'
import { judgeModel, type ModelFacts } from '../../../../../scripts/doctor/checks/model.ts'

const answer = (status: number, body: unknown = null): Reply => ({
  kind: 'answer',
  status,
  headers: {},
  body,
  at: new Date(),
})
const failure = (code: string): Reply => ({ kind: 'failure', code, words: code })
const models = answer(200, { data: [{ id: 'a/model-1' }, { id: 'b/other' }] })
const facts: ModelFacts = {
  baseUrl: 'https://openrouter.ai/api/v1',
  defaultModel: 'a/model-1',
  hasKey: true,
  proxy: null,
  key: answer(200, { data: { usage: 1.5, limit: 20, limit_remaining: 18.5, is_free_tier: false } }),
  models,
}
const URL_SHOWN = 'https://openrouter.ai/api/v1'
const there = { severity: 'ok', found: 'a/model-1 is there' }

describe('judgeModel', () => {
  it('says what is left on the key, and that the model is there', () => {
    expect(judgeModel(facts)).toEqual([
      { severity: 'ok', found: `${URL_SHOWN} takes the key; $18.50 of $20.00 left, $1.50 used` },
      there,
    ])
    const unlimited = answer(200, { data: { usage: 0, limit: null, limit_remaining: null, is_free_tier: true } })
    expect(judgeModel({ ...facts, key: unlimited })[0]).toEqual({
      severity: 'ok',
      found: `${URL_SHOWN} takes the key, which has no limit of its own, $0.00 used (free tier)`,
    })
  })

  it.each<[string, Partial<ModelFacts>, string, RegExp]>([
    ['no key', { hasKey: false, key: null, models: null }, 'there is no model key', /OPENROUTER_API_KEY=<your key>/],
    ['a refused key', { key: answer(401) }, 'the model key is refused', /https:\/\/openrouter\.ai\/keys/],
    ['a key that is no key', { key: failure('ERR_INVALID_CHAR') }, 'the model key is refused', /Copy it again/],
    [
      'an unknown host',
      { key: failure('ENOTFOUND') },
      'the model provider cannot be reached',
      /getent hosts openrouter\.ai/,
    ],
    [
      'a strange certificate',
      { key: failure('SELF_SIGNED_CERT_IN_CHAIN') },
      'the model provider cannot be reached',
      /BERTH_EXTRA_CA/,
    ],
    [
      'a silent host',
      { key: failure('no answer within 8 s') },
      'the model provider cannot be reached',
      /OPENROUTER_BASE_URL/,
    ],
    [
      'an empty purse',
      { key: answer(200, { data: { usage: 20, limit: 20, limit_remaining: 0 } }) },
      'the model key has no money left',
      /Add credits/,
    ],
  ])('blocks for %s', (_, change, because, advice) => {
    expect(judgeModel({ ...facts, ...change })[0]).toMatchObject({
      severity: 'problem',
      because,
      advice: expect.stringMatching(advice),
    })
  })

  it('blocks for a model that nobody has, and names the nearest', () => {
    expect(judgeModel({ ...facts, defaultModel: 'a/model-l' })[1]).toEqual({
      severity: 'problem',
      found: 'a/model-l is none of its 2 models',
      advice: `Set DEFAULT_AGENT_MODEL to one of them: did you mean a/model-1? (see ${URL_SHOWN}/models)`,
      because: 'there is no such model',
    })
  })

  it.each<[string, Partial<ModelFacts>, RegExp]>([
    ['little money', { key: answer(200, { data: { limit: 5, limit_remaining: 0.4 } }) }, /\$0\.40 of \$5\.00 left/],
    ['trouble', { key: answer(503) }, /answers 503: it has trouble/],
    ['another answer', { key: answer(200, '<html>') }, /not in OpenRouter's words/],
  ])('warns of %s', (_, change, found) => {
    expect(judgeModel({ ...facts, ...change })).toEqual([
      expect.objectContaining({ severity: 'warning', found: expect.stringMatching(found) }),
      there,
    ])
  })

  it('lets a server pass that knows no keys, and one whose list cannot be read', () => {
    expect(judgeModel({ ...facts, key: answer(404) })[0]).toMatchObject({ severity: 'ok' })
    expect(judgeModel({ ...facts, models: failure('ECONNRESET') })[1]).toMatchObject({
      severity: 'warning',
      found: `The list of models cannot be read (${URL_SHOWN}/models: ECONNRESET)`,
    })
  })
})
