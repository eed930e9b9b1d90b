/** The pages of an installation whose agents are processes of its machine: wherever one is shown, it says that nothing isolates it. */
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sampleCase } from '../../scripts/demo/sample-case.ts'
import { launchBrowser, openOwnersPage } from '../support/browser.ts'
import { startInstallation, type TestInstallation } from '../support/installation.ts'

let installation: TestInstallation
let browser: Browser
let page: Page

beforeAll(async () => {
  installation = await startInstallation({ env: { BERTH_SANDBOX: 'process' } })
  browser = await launchBrowser()
  page = await openOwnersPage(browser, installation.ownerLink)
}, 300_000)

afterAll(async () => {
  await browser?.close()
  await installation?.close()
}, 60_000)

const MEANING = 'No container: commands run as ordinary processes of the machine that Berth runs on'

describe('an agent that nothing isolates', () => {
  it('is one of which the empty list warns, and promises no container', async () => {
    await page.getByText('Agents here are not isolated.').waitFor()
    await page.getByText(MEANING).waitFor()
    expect(await page.getByText('in a container of its own').count()).toBe(0)
  })

  it('is said to be so before it is made', async () => {
    await page.goto(`${installation.url}/agents/new`)
    await page.getByText('The agent will not be isolated.').waitFor()
    await page.getByText('It runs on this machine and reaches what this machine can').waitFor()
    expect(await page.getByText('A container starts').count()).toBe(0)
    await page.getByLabel('Repository', { exact: true }).fill(sampleCase.repo)
    await page.getByLabel('Task', { exact: true }).fill(sampleCase.task)
    await page.getByRole('button', { name: 'Create only' }).click()
    await page.waitForURL('**/agents/agt_*')
  })

  it('has the mark in the header of its page before it has started, and what it means', async () => {
    const mark = page.getByRole('main').getByTitle(MEANING)
    await mark.waitFor()
    expect(await mark.textContent()).toBe('Not isolated: runs on this machine')
  })

  it('has it in its row of the list, above which it is explained', async () => {
    await page.goto(`${installation.url}/agents`)
    await page.getByRole('listitem').getByText('Not isolated').waitFor()
    await page.getByText('Agents here are not isolated.').waitFor()
  })

  it('has it on a phone too', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    const mark = page.getByRole('listitem').getByText('Not isolated')
    await mark.waitFor()
    const box = await mark.boundingBox()
    expect(box && box.x >= 0 && box.x + box.width <= 390).toBe(true)
  })
})
