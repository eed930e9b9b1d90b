/** An agent's state as a signal flag: the pattern says it without colour. Beside its word, or with `name` as its own. */
import type { ReactNode } from 'react'
import type { GlyphName } from '../model/agent-face.ts'

const frame = (
  <rect x="1.75" y="1.75" width="10.5" height="10.5" rx="1.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
)

const SHAPES: Record<GlyphName, ReactNode> = {
  failed: (
    <>
      {frame}
      <path d="m3 3 8 8M11 3l-8 8" stroke="currentColor" strokeWidth="2" fill="none" />
    </>
  ),
  idle: frame,
  queued: (
    <rect
      x="1.75"
      y="1.75"
      width="10.5"
      height="10.5"
      rx="1.5"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeDasharray="2.3 1.9"
    />
  ),
  ready: <rect x="1" y="1" width="12" height="12" rx="1.5" fill="currentColor" />,
  running: (
    <>
      <path
        fill="currentColor"
        d="M2.5 1h9A1.5 1.5 0 0 1 13 2.5V5H1V2.5A1.5 1.5 0 0 1 2.5 1zM1 9h12v2.5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 1 11.5z"
      />
      <path className="g-band" fill="currentColor" opacity=".3" d="M1 5h12v4H1z" />
    </>
  ),
  sleeping: (
    <>
      {frame}
      <circle cx="7" cy="7" r="2.4" fill="currentColor" />
    </>
  ),
  starting: (
    <path
      fill="currentColor"
      fillRule="evenodd"
      d="M2.5 1h9A1.5 1.5 0 0 1 13 2.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 1 11.5v-9A1.5 1.5 0 0 1 2.5 1zM5 5v4h4V5z"
    />
  ),
  stopping: (
    <>
      <path fill="currentColor" d="M2 2h5v5H2zM7 7h5v5H7z" />
      {frame}
    </>
  ),
  waiting: (
    <>
      <path className="g-flag" d="M2 2h5.5v10H2z" />
      {frame}
    </>
  ),
}

export function Glyph({ state, large = false, name }: { state: GlyphName; large?: boolean; name?: string }) {
  const className = `glyph s-${state}${large ? ' lg' : ''}`
  if (name !== undefined) {
    return (
      <svg className={className} viewBox="0 0 14 14" role="img" aria-label={name}>
        {SHAPES[state]}
      </svg>
    )
  }
  return (
    <svg className={className} viewBox="0 0 14 14" aria-hidden="true">
      {SHAPES[state]}
    </svg>
  )
}
