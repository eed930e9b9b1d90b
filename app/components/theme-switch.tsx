/** Switches day and night. The choice is a cookie, so that the server's first line of HTML has it and nothing flashes. */
'use client'

import { LineIcon } from './line-icon.tsx'

const YEAR_SECONDS = 365 * 24 * 3600

export function ThemeSwitch() {
  return (
    <button
      className="btn quiet icon"
      type="button"
      aria-label="Switch between light and dark"
      title="Switch between light and dark"
      onClick={switchTheme}
    >
      <LineIcon name="sun" />
    </button>
  )
}

function switchTheme(): void {
  const root = document.documentElement
  const isDark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  const next = isDark ? 'light' : 'dark'
  root.dataset.theme = next
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is missing in pages without HTTPS
  document.cookie = `berth-theme=${next}; path=/; max-age=${YEAR_SECONDS}; samesite=lax`
}
