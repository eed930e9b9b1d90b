/**
 * What the pages say of trouble that is hard to bring about: the installation is a real one, and what the trouble is about is put
 * in the place of its answers, in the shapes of the API.
 */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AgentView, EventView } from '../../lib/services/agent/schemas.ts'
import type { HealthView } from '../../lib/services/health/read.ts'
import { makeAgentView, makeRunView } from '../support/agent-view.ts'
import { DESK, launchBrowser, openOwnersPage } from '../support/browser.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

const PHONE = { width: 390, height: 844 }

let installation: TestInstallation
let browser: Browser
let page: Page

beforeAll(async () => {
  installation = await startInstallation({ env: { BERTH_SANDBOX: 'process' } })
  browser = await launchBrowser()
  page = await openOwnersPage(browser, installation.ownerLink)
}, 300_000)

beforeEach(async () => {
  await page.unrouteAll({ behavior: 'ignoreErrors' })
  await page.setViewportSize(DESK)
})

afterAll(async () => {
  await browser?.close()
  await installation?.close()
}, 60_000)

describe('sandboxes that no agent accounts for', () => {
  const stray: HealthView['strays'][number] = {
    agentId: 'agt_0123456789abcdef',
    incarnation: 'inc_1',
    engineId: '4c01db0b339c5a1f8e3e2f2b7f0a9b8c',
    state: 'stopped',
    reason: 'unknown_agent',
    message: 'Its agent is not in this database.',
    hint: 'It can be removed by hand.',
  }
  const title = 'No agent accounts for a sandbox.'

  it('are not spoken of where there is none', async () => {
    await page.goto(`${installation.url}/agents`)
    await page.getByText('Sandboxes work').waitFor()
    expect(await page.getByText(title).count()).toBe(0)
  })

  it('are one line that the keyboard opens: which, why, and what can be done', async () => {
    await showStrays()
    await page.getByText(title).waitFor()
    expect(await page.getByText(stray.message).isVisible()).toBe(false)
    await page.locator('summary').focus()
    await page.keyboard.press('Enter')
    const list = page.getByRole('list', { name: 'Sandboxes that no agent accounts for' })
    await list.getByText(stray.message).waitFor()
    expect(await list.getByRole('listitem').innerText()).toContain(stray.agentId)
    expect(await page.getByText(stray.hint).isVisible()).toBe(true)
    await page.keyboard.press('Tab')
    await page.locator(`:focus[aria-label="Copy the command that shows the log of ${stray.agentId}"]`).waitFor()
  })

  it('fit a phone when they are open', async () => {
    await page.setViewportSize(PHONE)
    await showStrays()
    await page.getByText(title).click()
    await page.getByText(stray.message).waitFor()
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(PHONE.width)
  })

  async function showStrays(): Promise<void> {
    await page.route('**/api/health', async (route) => {
      const health = (await (await route.fetch()).json()) as HealthView
      await route.fulfill({ json: { ...health, driver: 'docker', strays: [stray] } satisfies HealthView })
    })
    await page.goto(`${installation.url}/agents`)
  }
})

describe('an agent', () => {
  const message = 'The Docker engine cannot be reached.'
  const hint = 'Start it with `sudo dockerd`.'

  it('that waits for its model says so in its header, keeps the branches readable, and says why to the last word', async () => {
    const run = makeRunView({ status: 'RUNNING', reason: null, endedAt: null })
    const words = `openrouter.ai answered 429: ${'Slow down, please. '.repeat(12)}Attempt 4 follows in 30 s.`
    await page.setViewportSize(PHONE)
    await showAgent(makeAgentView({ status: 'RUNNING', run, targetBranch: 'berth/a-rather-long-name-of-a-branch' }), [
      ['message', { text: 'Fix it.', from: null }],
      ['status', { status: 'RUNNING' }],
      ['thinking', { step: 7, maxSteps: 15, tokensUsed: 0, maxTokens: null }],
      ['error', { code: 'provider_retry', message: words, abandonedMessageIds: [] }],
    ])
    await page.locator('.ship .under').getByText('waits for its model').waitFor()
    await page.getByRole('status').filter({ hasText: 'Running, waits for its model' }).waitFor()
    expect(await isCut(page.getByText('Attempt 4 follows in 30 s.'))).toBe(false)
    expect(await isCut(page.locator('.ship .where').getByText('main', { exact: true }))).toBe(false)
  })

  it('that failed shows what to do as soon as it is known, and its cause once', async () => {
    const run = makeRunView({ status: 'ENDED', reason: 'failed', startedAt: null })
    const figures = { steps: 0, inputTokens: 0, outputTokens: 0, durationMs: 0 }
    const failed = { status: 'FAILED', stage: 'clone', code: 'start_failed', message }
    const known = Promise.withResolvers<void>()
    await showAgent(
      makeAgentView({ status: 'FAILED', run, lastSeq: 4 }),
      [
        ['message', { text: 'Fix it.', from: null }],
        ['status', { status: 'STARTING', stage: 'clone' }],
        ['done', { reason: 'failed', message, ...figures }],
        ['status', failed],
      ],
      { until: known.promise, statusDetail: { stage: 'clone', code: 'start_failed', message, hint } },
    )
    await page.getByRole('button', { name: 'Retry' }).waitFor()
    expect(await page.getByText('Start it with').count()).toBe(0)
    known.resolve()
    await page.getByText('Start it with').waitFor()
    expect(await page.locator('.failure code').innerText()).toBe('sudo dockerd')
    expect(await page.getByText(message).count()).toBe(1)
  })

  it('whose run waits for the engine says that it begins by itself', async () => {
    const run = makeRunView({ status: 'PENDING', reason: null, startedAt: null, endedAt: null })
    const failed = { status: 'FAILED', stage: 'container', code: 'engine_unreachable', message }
    await showAgent(
      makeAgentView({ status: 'FAILED', run, statusDetail: { code: 'engine_unreachable', message, hint } }),
      [
        ['message', { text: 'Fix it.', from: null }],
        ['status', failed],
      ],
    )
    await page.locator('.ship').getByText('waits for the engine').first().waitFor()
    await page.getByText('The run waits, and begins by itself when the engine answers.').waitFor()
    await page.getByPlaceholder('Say more to it before it begins').waitFor()
  })

  /** `later`: what the API knows of it only when it is asked again after `until`. */
  async function showAgent(
    agent: AgentView,
    log: [type: string, data: Record<string, unknown>][],
    later?: { until: Promise<void>; statusDetail: AgentView['statusDetail'] },
  ): Promise<void> {
    let isKnown = false
    void later?.until.then(() => {
      isKnown = true
    })
    const events = log.map(([type, data], index): EventView => {
      return { seq: index + 1, type, runId: agent.run?.id ?? null, createdAt: new Date().toISOString(), data }
    })
    await page.route(`**/api/agents/${agent.id}`, (route) =>
      route.fulfill({ json: isKnown ? { ...agent, statusDetail: later?.statusDetail } : agent }),
    )
    // It ends after what there is, and is asked for again: with that the page asks for the agent too.
    await page.route(`**/api/agents/${agent.id}/events*`, (route) => {
      const after = Number(new URL(route.request().url()).searchParams.get('after'))
      const body = events
        .filter(({ seq }) => seq > after)
        .map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
        .join('')
      return route.fulfill({ contentType: 'text/event-stream', body })
    })
    await page.goto(`${installation.url}/agents/${agent.id}`)
  }
})

/** Whether an element has more to show than it shows. */
async function isCut(locator: ReturnType<Page['getByText']>): Promise<boolean> {
  return await locator.evaluate((element) => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0)
}
