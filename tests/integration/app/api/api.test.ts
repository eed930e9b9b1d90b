import { encode } from 'next-auth/jwt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BerthError } from '../../../../lib/errors.ts'
import { provideParts } from '../../../../lib/http/parts.ts'
import { createOwnerToken } from '../../../../lib/services/token/create.ts'
import { ensureOwner } from '../../../../lib/services/user/owner.ts'
import { callRoute, loadRoute, routePaths } from '../../../support/call-route.ts'
import { type ControlPlane, startControlPlane, testSettings } from '../../../support/control-plane.ts'

let plane: ControlPlane
let token: string
let ownerId: string
let branches = 0

beforeAll(async () => {
  plane = await startControlPlane()
  provideParts(plane.parts)
  token = (await createOwnerToken(plane.parts, { name: 'test' })).token
  ownerId = (await ensureOwner(plane.parts)).id
})

afterAll(async () => {
  provideParts(undefined)
  await plane.close()
})

async function create(body: Record<string, unknown> = {}) {
  branches += 1
  const task = { task: 'Fix it', githubRepo: 'acme/widgets', targetBranch: `berth/api-${branches}`, ...body }
  const response = await callRoute('POST', '/agents', { token, body: task })
  return { response, agent: (await response.json()) as { id: string } & Record<string, unknown> }
}

/** Routes that are open by their nature: the credential is in the request, or nothing is told. */
const OPEN = ['/auth/[...nextauth]', '/welcome', '/health']

describe('a request that is not signed in', () => {
  const guarded = routePaths.filter((routePath) => !OPEN.includes(routePath))

  it.each(guarded)('is refused by every method of %s', async (routePath) => {
    const route = await loadRoute(routePath)
    const methods = Object.keys(route).filter((name) => /^[A-Z]+$/.test(name))
    expect(methods.length).toBeGreaterThan(0)
    for (const method of methods) {
      for (const authorization of [undefined, 'Bearer wrong', 'Basic eDp5']) {
        const headers = authorization === undefined ? undefined : { authorization }
        const request = new Request(`http://berth.test/api${routePath}`, { method, ...(headers && { headers }) })
        const response = await route[method]?.(request, {
          params: Promise.resolve({ agentId: 'agt_x', runId: 'run_x' }),
        })
        expect(response?.status).toBe(401)
        expect(response?.headers.get('content-type')).toBe('application/problem+json')
        expect(await response?.json()).toEqual({
          type: 'about:blank',
          title: 'Not signed in',
          status: 401,
          code: 'unauthenticated',
          detail: 'The request has no session and no valid API token.',
          hint: 'Sign in, or send "Authorization: Bearer <token>"; `npm run token -- <name>` makes one.',
        })
      }
    }
  })

  it('learns of health whether it works and nothing else', async () => {
    expect(await (await callRoute('GET', '/health')).json()).toEqual({ status: 'ok' })
    expect(await (await callRoute('GET', '/health', { token })).json()).toMatchObject({
      modelKey: true,
      driver: 'docker',
    })
  })
})

describe('a session cookie', () => {
  const cookie = async () => {
    const secret = testSettings.sessionSecret ?? ''
    return `next-auth.session-token=${await encode({ token: { sub: ownerId }, secret })}`
  }

  it('is taken from the pages of this origin', async () => {
    const headers = { cookie: await cookie(), 'sec-fetch-site': 'same-origin' }
    expect((await callRoute('GET', '/agents', { headers })).status).toBe(200)
    expect((await callRoute('POST', '/agents', { headers, body: {} })).status).toBe(422)
  })

  it.each<Record<string, string>>([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example', host: 'berth.test' },
  ])('is not taken from another origin: %o', async (from) => {
    const headers = { cookie: await cookie(), ...from }
    const response = await callRoute('POST', '/agents', { headers, body: {} })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: 'forbidden' })
  })

  it('is found beside cookies of other programs on this host, however they are written', async () => {
    const headers = { cookie: `discount=100%; ${await cookie()}; other=%E0%A4%A` }
    expect((await callRoute('GET', '/agents', { headers })).status).toBe(200)
    expect((await callRoute('GET', '/agents', { headers: { cookie: 'discount=100%' } })).status).toBe(401)
  })

  it('of somebody who is gone is nobody’s', async () => {
    const secret = testSettings.sessionSecret ?? ''
    const gone = `next-auth.session-token=${await encode({ token: { sub: 'usr_gone' }, secret })}`
    expect((await callRoute('GET', '/agents', { headers: { cookie: gone } })).status).toBe(401)
  })
})

describe('POST /api/agents', () => {
  it('answers with the agent, its defaults filled in', async () => {
    const { response, agent } = await create()
    expect(response.status).toBe(201)
    expect(agent).toMatchObject({
      name: 'Fix it',
      githubRepo: 'acme/widgets',
      sourceBranch: 'main',
      status: 'IDLE',
      model: 'anthropic/claude-sonnet-4.6',
      limits: { maxSteps: 15, maxCostUsd: 5, maxTokens: null, pids: 512, memoryBytes: 2_147_483_648 },
      egress: { mode: 'allowlist', allow: [] },
      tools: { allow: null, commandPolicy: 'open', commands: [] },
      autoPullRequest: true,
      needs: null,
      queued: 0,
      run: null,
    })
    expect(Object.keys(agent)).not.toContain('ownerId')
    expect(await (await callRoute('GET', `/agents/${agent.id}`, { token })).json()).toEqual(agent)
  })

  it.each([
    ['https://github.com/acme/widgets.git', 'acme/widgets'],
    ['git@github.com:acme/widgets.git', 'acme/widgets'],
    [' acme/widgets ', 'acme/widgets'],
  ])('takes the repository as %s', async (githubRepo, expected) => {
    expect((await create({ githubRepo })).agent.githubRepo).toBe(expected)
  })

  it.each([
    [{ task: undefined }, 'task', 'is missing'],
    [{ colour: 'red' }, 'colour', 'is not a field of this request'],
    [{ limits: { steps: 3 } }, 'limits.steps', 'is not a field of this request'],
    [{ githubRepo: 'widgets' }, 'githubRepo', 'must be "owner/repo", e.g. "expressjs/express"'],
    [{ githubRepo: 'acme/..' }, 'githubRepo', 'must be "owner/repo", e.g. "expressjs/express"'],
    [{ targetBranch: 'a..b' }, 'targetBranch', 'must be a valid git branch name'],
    [{ targetBranch: '-rf' }, 'targetBranch', 'must be a valid git branch name'],
    [{ task: '   ' }, 'task', expect.any(String)],
    [{ env: { LD_PRELOAD: 'x' } }, 'env', expect.stringContaining('must not name BERTH_*, LD_*')],
    [{ env: { 'a b': 'x' } }, 'env.a b', expect.any(String)],
    [{ egress: { allow: ['http://x'] } }, 'egress.allow.0', expect.stringContaining('must be a host name')],
    [{ limits: { maxSteps: 0 } }, 'limits.maxSteps', expect.any(String)],
    [
      { limits: { maxTokens: 3_000_000_000 } },
      'limits.maxTokens',
      'must be a whole number from 1 to 2147483647, or null for no limit; 3000000000 was received',
    ],
    [{ tools: { commandPolicy: 'ask' } }, 'tools.commandPolicy', expect.stringContaining('only "open" is built yet')],
  ])('refuses %o by the name of the field', async (body, path, message) => {
    const { response, agent } = await create(body)
    expect(response.status).toBe(422)
    expect(agent).toMatchObject({ code: 'validation_failed', fields: [{ path, message }] })
  })

  it('refuses by name what is not built yet', async () => {
    const { response, agent } = await create({ requireApproval: ['push'] })
    expect(response.status).toBe(501)
    expect(agent).toMatchObject({ code: 'not_built_yet', detail: 'Not built yet: requireApproval.' })
    expect((await create({ setupScript: ' ', requireApproval: false })).response.status).toBe(201)
    expect((await create({ limits: { maxCostUsdPerDay: 3, diskBytes: 10 ** 9 } })).response.status).toBe(201)
  })

  it.each([
    [{ sourceBranch: 'next' }, 'branch_not_found'],
    [{ targetBranch: 'main' }, 'target_is_source'],
    [{ targetBranch: 'taken' }, 'target_exists'],
    [{ targetBranch: 'locked', adoptTargetBranch: true }, 'target_exists'],
  ])('refuses branches that cannot be used: %o is %s', async (body, code) => {
    plane.forge.branches.set('taken', { sha: 'b'.repeat(40), protected: false })
    plane.forge.branches.set('locked', { sha: 'b'.repeat(40), protected: true })
    expect((await create(body)).agent).toMatchObject({ code })
  })

  it('continues an existing branch when asked, from the tip that it has', async () => {
    plane.forge.branches.set('taken', { sha: 'b'.repeat(40), protected: false })
    const { agent } = await create({ targetBranch: 'taken', adoptTargetBranch: true })
    expect((await plane.parts.stores.agents.find(agent.id))?.targetTip).toBe('b'.repeat(40))
  })

  it('takes an empty value in a query as none', async () => {
    const { agent } = await create()
    const list = await callRoute('GET', '/agents?status=&q=&limit=&cursor=', { token })
    expect(list.status).toBe(200)
    expect(await list.json()).toEqual(await (await callRoute('GET', '/agents', { token })).json())
    const headers = { accept: 'application/json' }
    expect((await callRoute('GET', `/agents/${agent.id}/events?after=&limit=`, { token, headers })).status).toBe(200)
    const unknown = await callRoute('GET', '/agents?colour=', { token })
    expect(await unknown.json()).toMatchObject({ fields: [{ path: 'colour' }] })
  })

  it('refuses a body that is not JSON, and one that is too large', async () => {
    const notJson = await callRoute('POST', '/agents', { token, body: '{"task":' })
    expect(await notJson.json()).toMatchObject({
      code: 'validation_failed',
      detail: expect.stringContaining('is not JSON'),
    })
    const tooLarge = await callRoute('POST', '/agents', { token, body: `{"task":"${'x'.repeat(1024 * 1024)}"}` })
    expect(tooLarge.status).toBe(413)
    expect(await tooLarge.json()).toMatchObject({ code: 'payload_too_large' })
  })
})

describe('a call that the agent’s state forbids', () => {
  it('is a problem document with the status of HTTP, the state of the agent and what is allowed', async () => {
    const { agent } = await create()
    const response = await callRoute('POST', `/agents/${agent.id}/cancel`, { token })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({
      status: 409,
      code: 'state_conflict',
      agentStatus: 'IDLE',
      allowed: ['start', 'delete'],
    })
  })
})

describe('an Idempotency-Key', () => {
  const send = (key: string, body: unknown) =>
    callRoute('POST', '/agents', { token, body, headers: { 'idempotency-key': key } })

  it('gets the first answer again, and nothing is made twice', async () => {
    const body = { task: 'Once', githubRepo: 'acme/widgets', targetBranch: 'berth/once' }
    const first = await send('key-1', body)
    const second = await send('key-1', body)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(await second.json()).toEqual(await first.json())
  })

  it('joins the request that is still being answered, and no other', async () => {
    const body = { task: 'Once', githubRepo: 'acme/widgets', targetBranch: 'berth/joined' }
    const { getRepository } = plane.forge
    const asked = Promise.withResolvers<void>()
    const released = Promise.withResolvers<void>()
    plane.forge.getRepository = async (name) => {
      asked.resolve()
      await released.promise
      return await getRepository(name)
    }
    const pending = [send('key-joined', body)]
    await asked.promise
    pending.push(send('key-joined', body))
    const other = await send('key-joined', { ...body, task: 'Twice' })
    plane.forge.getRepository = getRepository
    released.resolve()
    const [first, second] = await Promise.all(pending)
    if (!first || !second) throw new Error('Two were sent.')
    expect([first.status, second.status, other.status]).toEqual([201, 201, 409])
    expect(await second.json()).toEqual(await first.json())
    expect(await other.json()).toMatchObject({ code: 'idempotency_conflict' })
  })

  it('is refused for another request', async () => {
    await send('key-2', { task: 'A', githubRepo: 'acme/widgets', targetBranch: 'berth/key-2' })
    const other = await send('key-2', { task: 'B', githubRepo: 'acme/widgets', targetBranch: 'berth/key-2' })
    expect(other.status).toBe(409)
    expect(await other.json()).toMatchObject({ code: 'idempotency_conflict' })
  })

  it('does nothing twice where the answer could not be kept, and is free again after a day', async () => {
    const { idempotency } = plane.parts.stores
    const { agent } = await create()
    expect((await callRoute('POST', `/agents/${agent.id}/start`, { token })).status).toBe(202)
    await plane.untilAtRest(agent.id)
    const { finish } = idempotency
    idempotency.finish = async () => {
      idempotency.finish = finish
      throw new Error('The connection was lost.')
    }
    const chat = () =>
      callRoute('POST', `/agents/${agent.id}/chat`, {
        token,
        body: { message: 'Also the docs' },
        headers: { 'idempotency-key': 'key-lost' },
      })
    const first = await chat()
    expect(first.status).toBe(202)
    await plane.untilAtRest(agent.id)
    const second = await chat()
    expect(second.status).toBe(409)
    expect(await second.json()).toMatchObject({ code: 'idempotency_conflict' })
    const said = await plane.parts.stores.events.listOfTypes({ agentId: agent.id, types: ['message'] })
    expect(said.filter(({ data }) => data.text === 'Also the docs')).toHaveLength(1)
    await idempotency.removeOlderThan(new Date(Date.now() + 1_000))
    expect((await chat()).status).toBe(202)
    await plane.untilAtRest(agent.id)
  })

  it('does nothing twice where the database went away behind what was done', async () => {
    const { agent } = await create()
    expect((await callRoute('POST', `/agents/${agent.id}/start`, { token })).status).toBe(202)
    await plane.untilAtRest(agent.id)
    await plane.settle(agent.id)
    const { queue } = plane.parts.stores
    const { countOf } = queue
    // What the answer is made of is read once it is done.
    queue.countOf = async () => {
      queue.countOf = countOf
      throw new BerthError('database_unreachable', 'The database does not answer.')
    }
    const chat = () =>
      callRoute('POST', `/agents/${agent.id}/chat`, {
        token,
        body: { message: 'Also the tests' },
        headers: { 'idempotency-key': 'key-away' },
      })
    expect((await chat()).status).toBe(503)
    await plane.untilAtRest(agent.id)
    const second = await chat()
    expect([second.status, await second.json()]).toMatchObject([409, { code: 'idempotency_conflict' }])
    const said = await plane.parts.stores.events.listOfTypes({ agentId: agent.id, types: ['message'] })
    expect(said.filter(({ data }) => data.text === 'Also the tests')).toHaveLength(1)
  })

  it('may be used again after a request that failed', async () => {
    expect((await send('key-3', { task: '' })).status).toBe(422)
    const good = { task: 'Now', githubRepo: 'acme/widgets', targetBranch: 'berth/key-3' }
    expect((await send('key-3', good)).status).toBe(201)
  })
})

describe('GET /api/models', () => {
  it('tells what an agent gets that names no model and no limits', async () => {
    const { agent } = await create()
    const models = await (await callRoute('GET', '/models', { token })).json()
    expect(models).toMatchObject({ defaultModel: agent.model, defaultLimits: agent.limits })
    expect(models.items).toHaveLength(1)
  })
})

describe('the log', () => {
  const write = (agentId: string, text: string) =>
    plane.parts.stores.log.write(agentId, (tx) => tx.append('message', { text, from: null }))

  it('is read in pages, forwards and backwards', async () => {
    const { agent } = await create()
    for (const text of ['a', 'b', 'c', 'd', 'e']) await write(agent.id, text)
    const page = async (query: string) => {
      const headers = { accept: 'application/json' }
      const response = await callRoute('GET', `/agents/${agent.id}/events?${query}`, { token, headers })
      return (await response.json()) as { items: { seq: number }[]; nextCursor: string | null }
    }
    const shown = async (query: string) => {
      const { items, nextCursor } = await page(query)
      return [items.map((item) => item.seq), nextCursor]
    }
    expect(await shown('limit=2')).toEqual([[1, 2], '2'])
    expect(await shown('limit=2&cursor=2')).toEqual([[3, 4], '4'])
    expect(await shown('after=3&limit=10')).toEqual([[4, 5], null])
    expect(await shown('before=4&limit=2')).toEqual([[2, 3], '2'])
    expect(await shown('before=2&limit=2')).toEqual([[1], null])
  })

  it('streams from Last-Event-ID, then live, in order and once', async () => {
    const { agent } = await create()
    for (const text of ['a', 'b', 'c']) await write(agent.id, text)
    const leaving = new AbortController()
    const response = await callRoute('GET', `/agents/${agent.id}/events?after=0`, {
      token,
      headers: { 'last-event-id': '1' },
      signal: leaving.signal,
    })
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let seen = ''
    const readUntil = async (end: string) => {
      while (!seen.includes(end)) {
        const { value, done } = (await reader?.read()) ?? { value: '', done: true }
        if (done) throw new Error(`ended before ${end}: ${seen}`)
        seen += value
      }
    }
    await readUntil('"text":"c"')
    const { writeLog } = await import('../../../../lib/services/event/write.ts')
    await writeLog(plane.parts, agent.id, (tx) => tx.append('message', { text: 'd', from: null }))
    await readUntil('"text":"d"')
    leaving.abort()
    await reader?.cancel().catch(() => undefined)
    expect([...seen.matchAll(/^id: (\d+)$/gm)].map((match) => match[1])).toEqual(['2', '3', '4'])
    expect(seen).toContain('event: message\ndata: {"seq":2,"type":"message"')
  })
})

describe('what is not there', () => {
  it('is a problem document too', async () => {
    const agent = await callRoute('GET', '/agents/agt_nobody', { token })
    expect(agent.status).toBe(404)
    expect(await agent.json()).toMatchObject({ code: 'not_found', hint: 'GET /api/agents lists them.' })
    const route = await loadRoute('/[...unknown]')
    const request = new Request('http://berth.test/api/agentz', { headers: { authorization: `Bearer ${token}` } })
    const response = await route.GET?.(request, { params: Promise.resolve({}) })
    expect(await response?.json()).toMatchObject({ code: 'not_found', detail: 'There is no route GET /api/agentz.' })
  })
})

describe('a one-time link', () => {
  const password = 'correct horse battery'
  const redeem = (body: Record<string, string>) => callRoute('POST', '/welcome', { body })

  it('makes its holder the owner, once', async () => {
    const { ensureOwnerLink } = await import('../../../../lib/services/user/owner.ts')
    const link = await ensureOwnerLink(plane.parts, 'http://berth.test')
    const secret = new URL(link?.url ?? '').searchParams.get('token') ?? ''
    const person = { token: secret, email: 'Grace@Example.com', name: 'Grace', password }
    expect((await redeem({ ...person, password: 'short' })).status).toBe(422)
    const both = await Promise.all([redeem(person), redeem(person)])
    expect(both.map((response) => response.status).toSorted()).toEqual([200, 401])
    expect(await ensureOwnerLink(plane.parts, 'http://berth.test')).toBeNull()
    const { authenticate } = await import('../../../../lib/services/user/password.ts')
    expect(await authenticate(plane.parts, { email: 'grace@example.com', password })).toMatchObject({ role: 'owner' })
    expect(await authenticate(plane.parts, { email: 'grace@example.com', password: 'wrong' })).toBeNull()
  })

  it('is used up by any other one of its person, also of two at once', async () => {
    const { inviteUser } = await import('../../../../lib/services/user/link.ts')
    const invite = async () => {
      const { url } = await inviteUser(plane.parts, { email: 'mary@example.com', baseUrl: 'http://berth.test' })
      return { token: new URL(url).searchParams.get('token') ?? '', email: 'mary@example.com', name: 'Mary', password }
    }
    const [first, second, third] = [await invite(), await invite(), await invite()]
    const both = await Promise.all([redeem(second), redeem(third)])
    expect(both.map((response) => response.status).toSorted()).toEqual([200, 401])
    expect((await redeem({ ...first, password: 'another password' })).status).toBe(401)
    expect((await redeem({ ...first, email: 'eve@example.com' })).status).toBe(401)
    expect((await redeem(await invite())).status).toBe(200)
  })
})
