/** The browser in which tests look at the pages, and a page of it whose person has just opened the owner's account. */
import { type Browser, chromium, type Page } from 'playwright-core'

export const DESK = { width: 1440, height: 900 }
const PATIENCE_MS = 15_000

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: process.env.BERTH_TEST_BROWSER_PATH || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-background-networking', '--disable-gpu'],
  })

/** Answers with the list of agents open, by the link of an installation that nobody has signed in to. */
export async function openOwnersPage(browser: Browser, ownerLink: string): Promise<Page> {
  const page = await browser.newPage({ viewport: DESK, reducedMotion: 'reduce' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(ownerLink)
  await page.getByLabel('E-mail').fill('ada@example.com')
  await page.getByLabel('Name').fill('Ada')
  const password = 'correct horse battery'
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByLabel('Password again').fill(password)
  await page.getByRole('button', { name: 'Open the account' }).click()
  await page.waitForURL('**/agents')
  return page
}
