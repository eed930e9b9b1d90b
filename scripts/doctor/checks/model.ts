/** The model provider: whether it is reached, takes the key, has money left on it, and has the model that agents use. */

import { z } from 'zod'
import type { Settings } from '../../../lib/config.ts'
import type { Upstream } from '../../../lib/gateway/upstream.ts'
import { findNearest } from '../../nearest.ts'
import { adviseOnFailure, ask, type Failure, type Reply, showProxy, showUrl } from '../ask.ts'
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface ModelFacts {
  baseUrl: string
  defaultModel: string
  hasKey: boolean
  /** Through which it is asked. */
  proxy: string | null
  /** GET /key and GET /models; null: not asked, for want of a key. */
  key: Reply | null
  models: Reply | null
}

const TIMEOUT_MS = 8_000
const SETTING = 'OPENROUTER_BASE_URL'

export async function readModel(
  settings: Pick<Settings, 'openrouter' | 'defaultModel' | 'egress'>,
  upstream: Upstream,
): Promise<ModelFacts> {
  const { openrouter, defaultModel } = settings
  const { apiKey, baseUrl } = openrouter
  const proxy = showProxy(settings.egress.proxy, baseUrl)
  const base = { baseUrl, defaultModel, hasKey: apiKey !== null, proxy }
  if (apiKey === null) return { ...base, key: null, models: null }
  const headers = { authorization: `Bearer ${apiKey}` }
  const [key, models] = await Promise.all(
    ['key', 'models'].map((path) => ask(upstream, { url: `${baseUrl}/${path}`, headers, timeoutMs: TIMEOUT_MS })),
  )
  return { ...base, key: key ?? null, models: models ?? null }
}

/** https://openrouter.ai/docs/api-reference/limits; dollars. */
const keyAnswer = z.looseObject({
  data: z.looseObject({
    usage: z.number().nullish(),
    limit: z.number().nullish(),
    limit_remaining: z.number().nullish(),
    is_free_tier: z.boolean().nullish(),
  }),
})
const modelsAnswer = z.looseObject({ data: z.array(z.looseObject({ id: z.string() })) })

export function judgeModel(facts: ModelFacts): Finding[] {
  const { baseUrl, hasKey, key, models } = facts
  if (!hasKey || key === null || models === null) {
    return [
      problem(
        'no model key: OPENROUTER_API_KEY is not set',
        "Get one at https://openrouter.ai/keys, then: echo 'OPENROUTER_API_KEY=<your key>' >> .env",
        'there is no model key',
      ),
    ]
  }
  const shown = showUrl(baseUrl)
  if (key.kind === 'failure') return [judgeFailure(key, facts)]
  if (key.status === 401 || key.status === 403) {
    return [
      problem(
        `${shown} refuses the key (${key.status})`,
        'Make a new one at https://openrouter.ai/keys and put it into OPENROUTER_API_KEY; it begins with sk-or-.',
        'the model key is refused',
      ),
    ]
  }
  return [judgeKey(shown, key), judgeModelName(facts, models)]
}

function judgeFailure({ code, words }: Failure, { baseUrl, proxy }: ModelFacts): Finding {
  const shown = showUrl(baseUrl)
  if (code === 'ERR_INVALID_CHAR') {
    return problem(
      'OPENROUTER_API_KEY holds a character that no key has',
      'Copy it again, in one line and without spaces.',
      'the model key is refused',
    )
  }
  const advice = adviseOnFailure(code, { url: baseUrl, setting: SETTING, proxy })
  return problem(`${shown} cannot be reached (${words})`, advice, 'the model provider cannot be reached')
}

/** Dollars below which a run may end in the middle. */
const LITTLE_USD = 1

function judgeKey(shown: string, { status, body }: Extract<Reply, { kind: 'answer' }>): Finding {
  const parsed = keyAnswer.safeParse(body)
  if (status === 200 && parsed.success) return judgeMoney(shown, parsed.data.data)
  if (status === 404) return ok(`${shown} answers; it tells nothing about keys`)
  if (status === 429 || status >= 500) {
    return warning(
      `${shown} answers ${status}: it has trouble, or was asked too often`,
      'Try again later: npm run doctor',
    )
  }
  return warning(
    `${shown} answers ${status} to the question about the key, and not in OpenRouter's words`,
    `Is ${SETTING} right? OpenRouter's ends in /api/v1; other servers must speak its wire.`,
  )
}

function judgeMoney(shown: string, key: z.infer<typeof keyAnswer>['data']): Finding {
  const { limit, limit_remaining: left } = key
  const buy = 'Add credits at https://openrouter.ai/credits or raise the limit of the key at https://openrouter.ai/keys'
  if (typeof left === 'number' && left <= 0) {
    return problem(`${shown} takes the key, and nothing is left of its limit`, buy, 'the model key has no money left')
  }
  const used = typeof key.usage === 'number' ? `, $${key.usage.toFixed(2)} used` : ''
  if (typeof left === 'number') {
    const said = `${shown} takes the key; $${left.toFixed(2)} of $${(limit ?? left).toFixed(2)} left${used}`
    return left < LITTLE_USD ? warning(said, buy) : ok(said)
  }
  return ok(`${shown} takes the key, which has no limit of its own${used}${key.is_free_tier ? ' (free tier)' : ''}`)
}

function judgeModelName({ baseUrl, defaultModel }: ModelFacts, models: Reply): Finding {
  const parsed = models.kind === 'answer' ? modelsAnswer.safeParse(models.body) : null
  if (!parsed?.success) {
    const answered = models.kind === 'answer' ? models.status : models.words
    return warning(
      `The list of models cannot be read (${showUrl(baseUrl)}/models: ${answered})`,
      `Agents can be started all the same; a wrong ${SETTING} shows here first.`,
    )
  }
  const ids = parsed.data.data.map(({ id }) => id)
  if (ids.includes(defaultModel)) return ok(`${defaultModel} is there`)
  const nearest = findNearest(defaultModel, ids)
  return problem(
    `${defaultModel} is none of its ${ids.length} models`,
    `Set DEFAULT_AGENT_MODEL to one of them${nearest === null ? '' : `: did you mean ${nearest}?`} (see ${showUrl(baseUrl)}/models)`,
    'there is no such model',
  )
}
