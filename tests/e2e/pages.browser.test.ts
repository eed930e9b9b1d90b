/**
 * The pages in a real browser, on an installation of their own with a real engine, the local forge and the scripted model. One
 * person's way through them, in the order of the tests: each begins where the one before it ended.
 */
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { listDirectory } from '../../scripts/demo/tool-inputs.ts'
import { contentText, type ModelRequest } from '../../scripts/stand-ins/model/script.ts'
import { DESK, launchBrowser } from '../support/browser.ts'
import { startInstallation } from '../support/installation.ts'

const RUN_MS = 120_000
const PASSWORD = 'correct horse battery'

let installation: Awaited<ReturnType<typeof startInstallation>>
let browser: Browser
let context: BrowserContext
let page: Page
/** What a page complains about, and what it could not load: a finished page does neither. */
const complaints: string[] = []

beforeAll(async () => {
  installation = await startInstallation()
  browser = await launchBrowser()
  context = await browser.newContext({ viewport: DESK, reducedMotion: 'reduce' })
  page = await context.newPage()
  page.setDefaultTimeout(15_000)
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text())
  })
}, 300_000)

afterAll(async () => {
  await browser?.close()
  await installation?.close()
}, 60_000)

/** No page complained so far. */
function expectQuiet(): void {
  expect(complaints).toEqual([])
}

describe('the pages', () => {
  it('send a person without a session to sign in, and lead back afterwards', async () => {
    await page.goto(`${installation.url}/agents/new`)
    expect(new URL(page.url()).pathname).toBe('/sign-in')
    expect(new URL(page.url()).searchParams.get('callbackUrl')).toBe('/agents/new')
  })

  it('open the owner’s account by the one-time link, and name what is wrong in a field', async () => {
    await page.goto(installation.ownerLink)
    await page.getByLabel('E-mail').fill('ada@example.com')
    await page.getByLabel('Name').fill('Ada')
    await page.getByLabel('Password', { exact: true }).fill('short')
    await page.getByLabel('Password again').fill('short')
    await page.getByRole('button', { name: 'Open the account' }).click()
    await page.getByText('at least').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('Password again').fill(PASSWORD)
    await page.getByRole('button', { name: 'Open the account' }).click()
    await page.waitForURL('**/agents')
    await page.getByRole('heading', { name: /Give an agent a repository/ }).waitFor()
    await page.getByRole('heading', { name: 'Sandboxes work' }).waitFor()
    expectQuiet()
  })

  it('sign in with e-mail and password, and say so when they do not belong together', async () => {
    const other = await browser.newContext()
    const signIn = await other.newPage()
    await signIn.goto(`${installation.url}/agents/new`)
    await signIn.getByLabel('E-mail').fill('ada@example.com')
    await signIn.getByLabel('Password').fill('not the password')
    await signIn.keyboard.press('Enter')
    await signIn.getByText('E-mail and password do not belong together').waitFor()
    await signIn.getByLabel('Password').fill(PASSWORD)
    await signIn.keyboard.press('Enter')
    await signIn.waitForURL('**/agents/new')
    await other.close()
  })

  it('show a wrong repository at its field', async () => {
    await page.keyboard.press('c')
    await page.waitForURL('**/agents/new')
    await page.getByLabel('Task', { exact: true }).fill(sampleCase.task)
    await page.getByRole('textbox', { name: 'Repository' }).fill('not a repository')
    await page.getByRole('button', { name: /Create and start/ }).click()
    await page.getByText('must be "owner/repo"').waitFor()
    expect(await page.getByRole('textbox', { name: 'Repository' }).getAttribute('aria-invalid')).toBe('true')
    expectQuiet()
  })

  it(
    'create an agent and show its work live, to the pull request',
    async () => {
      await page.getByRole('textbox', { name: 'Repository' }).fill(sampleCase.repo)
      await page.getByLabel('Name').fill('Carry seconds into minutes')
      await page.keyboard.press('Control+Enter')
      await page.getByRole('heading', { level: 1, name: /Carry seconds into minutes/ }).waitFor()
      const conversation = page.getByRole('log', { name: 'Conversation' })
      await conversation.getByText('I start with what is in the repository.').waitFor({ timeout: RUN_MS })
      await conversation.getByText(sampleCase.test, { exact: true }).first().waitFor({ timeout: RUN_MS })
      await conversation.getByText('exit 1').waitFor({ timeout: RUN_MS })
      await conversation.getByText('exit 0').waitFor({ timeout: RUN_MS })
      await conversation.getByText(/Pull request opened/).waitFor({ timeout: RUN_MS })
      await page.locator('.ship .state').first().getByText('Completed').waitFor({ timeout: RUN_MS })
      expect(await page.title()).toBe('Completed: Carry seconds into minutes · Berth')
      const chip = page.locator('.ship').getByRole('link', { name: /Pull request #?\d+/ })
      expect(await chip.getAttribute('href')).toMatch(/^http/)
      await page.getByRole('tab', { name: /Changes/ }).click()
      await page.getByRole('tabpanel').getByText('src/format-duration.js').first().waitFor()
      expectQuiet()
    },
    2 * RUN_MS,
  )

  it('show the same conversation after a reload, no entry twice', async () => {
    const read = () => page.getByRole('log', { name: 'Conversation' }).getByRole('article').allInnerTexts()
    const before = await read()
    await page.reload()
    await page.getByText(/Pull request opened/).waitFor()
    expect((await read()).map(withoutClock)).toEqual(before.map(withoutClock))
  })

  it('give the next instruction in the same conversation and fold the earlier one', async () => {
    await page.keyboard.press('i')
    await page.keyboard.type('Now write it down in the README.')
    await page.keyboard.press('Control+Enter')
    const conversation = page.getByRole('log', { name: 'Conversation' })
    await conversation.getByText('Now write it down in the README.').waitFor()
    await conversation.getByRole('article', { name: 'Earlier instruction' }).waitFor()
    expect(await page.getByRole('textbox', { name: 'Instruction' }).inputValue()).toBe('')
  })

  it(
    'take words during a run, by keyboard alone: in order, changed, taken back, and answered',
    async () => {
      const conversation = page.getByRole('log', { name: 'Conversation' })
      await conversation.getByText('It is written down now.').waitFor({ timeout: RUN_MS })
      await page.getByRole('button', { name: /^Send/ }).waitFor({ timeout: RUN_MS })
      const asked = Promise.withResolvers<void>()
      const held = Promise.withResolvers<void>()
      let heard = ''
      installation.model.play([
        async () => {
          asked.resolve()
          await held.promise
          return { text: 'I look around first.', toolCalls: [listDirectory('.')] }
        },
        (request) => {
          heard = saidIn(request)
          return { text: 'I will keep to that.' }
        },
      ])
      await say('Then a changelog.', 'Enter')
      // What is said before its first step is read with it, and does not wait.
      await asked.promise
      await page.getByRole('button', { name: /^Queue/ }).waitFor({ timeout: RUN_MS })
      const waiting = page.getByRole('list', { name: 'Words that wait' })
      await say('Keep it short', 'Enter')
      await waiting.getByRole('listitem').nth(0).waitFor()
      await say('Sign it', 'Enter')
      await waiting.getByRole('listitem').nth(1).waitFor()
      expect(await waiting.getByRole('listitem').allInnerTexts()).toEqual([
        expect.stringContaining('Keep it short'),
        expect.stringContaining('Sign it'),
      ])
      await page.keyboard.press('Shift+Tab')
      await focused('Remove: Sign it')
      await page.keyboard.press('Enter')
      await focused('Edit: Keep it short')
      await page.keyboard.press('Enter')
      await focused('Change the words that wait')
      await page.keyboard.press('Control+A')
      await page.keyboard.type('Keep it to one line')
      await page.keyboard.press('Enter')
      await focused('Edit: Keep it to one line')
      expect(await waiting.getByRole('listitem').count()).toBe(1)
      held.resolve()
      await conversation.getByText('I will keep to that.').waitFor({ timeout: RUN_MS })
      await waiting.waitFor({ state: 'detached' })
      const said = await conversation.getByRole('article', { name: 'Said to the run' }).allInnerTexts()
      expect(said).toEqual([expect.stringContaining('Keep it to one line')])
      expect(heard).toContain('Keep it to one line')
      expect(heard).not.toContain('Sign it')
      expect(heard).not.toContain('Keep it short')
      expectQuiet()
    },
    2 * RUN_MS,
  )

  it(
    'end the step in progress for words that interrupt, and show what broke off',
    async () => {
      await page.getByRole('button', { name: /^Send/ }).waitFor({ timeout: RUN_MS })
      installation.model.play([
        { text: 'I think about it, and think, and think.', hangAfterChunks: 2 },
        { text: 'At once.' },
      ])
      await say('Take your time.', 'Enter')
      const conversation = page.getByRole('log', { name: 'Conversation' })
      await conversation.getByText('I think').waitFor({ timeout: RUN_MS })
      await say('Hurry up', 'Control+Shift+Enter')
      await conversation.getByText('Step ended: you spoke.').waitFor({ timeout: RUN_MS })
      await conversation.getByText('Cut off here').waitFor()
      await conversation.getByText('At once.').waitFor({ timeout: RUN_MS })
      expectQuiet()
    },
    2 * RUN_MS,
  )

  it(
    'stop it, keep its history, and delete it when asked twice',
    async () => {
      await page.getByRole('button', { name: 'Stop' }).click()
      await page.getByText('No container').first().waitFor({ timeout: RUN_MS })
      expect(await page.getByRole('article', { name: 'Earlier instruction' }).count()).toBe(3)
      await page.getByRole('button', { name: 'More for this agent' }).click()
      await page.getByRole('menuitem', { name: 'Delete…' }).click()
      expect(
        await page.getByRole('button', { name: 'Keep', exact: true }).evaluate((button) => button.matches(':focus')),
      ).toBe(true)
      const address = page.url()
      await page.getByRole('button', { name: 'Delete agent' }).click()
      await page.waitForURL('**/agents', { timeout: RUN_MS })
      await page.goto(address)
      await page.getByRole('heading', { name: 'There is no such page here' }).waitFor()
    },
    2 * RUN_MS,
  )

  it('fit a phone without scrolling sideways, and keep the theme that was chosen', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    for (const path of ['/agents', '/agents/new']) {
      await page.goto(installation.url + path)
      await page.getByRole('main').waitFor()
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
    }
    await page.getByRole('button', { name: 'Switch between light and dark' }).click()
    await page.reload()
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark')
  })
})

/** Writes into the composer with the keyboard, and sends with `key`. */
async function say(words: string, key: string): Promise<void> {
  await page.getByRole('textbox', { name: 'Instruction' }).focus()
  await page.keyboard.type(words)
  await page.keyboard.press(key)
}

/** Resolves when what has this name has the keyboard. */
async function focused(name: string): Promise<void> {
  await page.locator(`:focus[aria-label="${name}"]`).waitFor()
}

/** What people said, as the model reads it. */
function saidIn({ body }: ModelRequest): string {
  return body.messages
    .filter(({ role }) => role === 'user')
    .map(({ content }) => contentText(content))
    .join('\n')
}

/** Relative words change between two readings; what was said does not. */
function withoutClock(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
