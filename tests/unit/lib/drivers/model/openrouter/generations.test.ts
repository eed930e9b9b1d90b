import { afterEach, beforeEach, expect, it } from 'vitest'
import { createOpenRouterGenerations } from '../../../../../../lib/drivers/model/openrouter/generations.ts'
import { type ModelStandIn, startModel } from '../../../../../../scripts/stand-ins/model/start-model.ts'

let model: ModelStandIn

beforeEach(async () => {
  const usage = { promptTokens: 100, completionTokens: 20, cachedTokens: 60, reasoningTokens: 5, costUsd: 0.25 }
  model = await startModel({ script: [{ text: 'Hi.', usage }], apiKey: 'sk-right' })
})

afterEach(async () => {
  await model.close()
})

async function generate(): Promise<string> {
  const response = await fetch(`${model.url}/chat/completions`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-right' },
    body: JSON.stringify({ model: 'openai/gpt-5-mini', messages: [{ role: 'user', content: 'Hi?' }] }),
  })
  const answer: unknown = await response.json()
  return (answer as { id: string }).id
}

it('tells what a call of the past used, as the provider counts it', async () => {
  const generations = createOpenRouterGenerations({ baseUrl: model.url, apiKey: 'sk-right' })
  expect(await generations.find(await generate())).toEqual({
    inputTokens: 100,
    outputTokens: 20,
    cachedInputTokens: 60,
    reasoningTokens: 5,
    costUsd: 0.25,
  })
})

it('has nothing of a call that is not there, nor without a key that may ask', async () => {
  const id = await generate()
  const find = (apiKey: string | null, asked: string) =>
    createOpenRouterGenerations({ baseUrl: model.url, apiKey }).find(asked)
  expect(await find('sk-right', 'gen-other')).toBeNull()
  expect(await find('sk-wrong', id)).toBeNull()
  const asked = model.requests.length
  expect(await find(null, id)).toBeNull()
  expect(model.requests).toHaveLength(asked)
})

it('says when the provider cannot be asked', async () => {
  await model.close()
  const generations = createOpenRouterGenerations({ baseUrl: model.url, apiKey: 'sk-right' })
  await expect(generations.find('gen-1')).rejects.toMatchObject({
    code: 'upstream_failed',
    message: `GET ${model.url}/generation?id=gen-1 could not be reached.`,
  })
})
