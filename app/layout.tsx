import type { Metadata, Viewport } from 'next'
import { cookies } from 'next/headers'
import type { ReactNode } from 'react'
import './globals.css'

export const metadata: Metadata = {
  title: { default: 'Berth', template: '%s · Berth' },
  robots: { index: false },
}

export const viewport: Viewport = { width: 'device-width', initialScale: 1, viewportFit: 'cover' }

/** The theme stands in a cookie, so that the first line of HTML has it and nothing flashes. */
export default async function RootLayout({ children }: { children: ReactNode }) {
  const wanted = (await cookies()).get('berth-theme')?.value
  const theme = wanted === 'light' || wanted === 'dark' ? wanted : undefined
  return (
    <html lang="en" data-theme={theme} suppressHydrationWarning>
      <body>{children}</body>
    </html>
  )
}
