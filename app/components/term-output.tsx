/** Output of a command: ANSI colours, the last lines first seen, all of them on demand. */
'use client'

import { memo, useState } from 'react'
import { type AnsiSpan, parseAnsi } from '../model/ansi.ts'

const SHOWN_LINES = 12
/** More than this is drawn in steps: a page with a hundred thousand lines stands still. */
const STEP_LINES = 2_000

export interface TermOutputProps {
  text: string
  isLive?: boolean
  /** True where the beginning is not known: the reader came in the middle. */
  isCut?: boolean
}

export const TermOutput = memo(function TermOutput({ text, isLive = false, isCut = false }: TermOutputProps) {
  const [limit, setLimit] = useState(SHOWN_LINES)
  const lines = parseAnsi(text)
  if (lines.at(-1)?.length === 0) lines.pop()
  const hidden = Math.max(0, lines.length - limit)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <div className="term" tabIndex={0} role="log" aria-label="Output" aria-live="off">
      {hidden > 0 && (
        <button
          className="show-all"
          type="button"
          onClick={() => setLimit(limit === SHOWN_LINES ? STEP_LINES : limit + STEP_LINES)}
        >
          {hidden + limit <= STEP_LINES ? `Show all ${lines.length} lines` : `Show more of ${lines.length} lines`}
        </button>
      )}
      {isCut && hidden === 0 && <span className="d">… earlier output comes with the result{'\n'}</span>}
      {lines.slice(hidden).map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines only ever come at the end
        <Line key={hidden + index} spans={line} isLast={hidden + index === lines.length - 1} />
      ))}
      {isLive && <span className="caret" />}
      {lines.length === 0 && !isLive && <span className="d">No output</span>}
    </div>
  )
})

function Line({ spans, isLast }: { spans: AnsiSpan[]; isLast: boolean }) {
  return (
    <>
      {spans.map((span, index) => {
        const look = [span.color && `ansi-${span.color}`, span.bold && 'w', span.dim && 'd'].filter(Boolean).join(' ')
        return look === '' ? (
          span.text
        ) : (
          // biome-ignore lint/suspicious/noArrayIndexKey: spans of one line have no other name
          <span key={index} className={look}>
            {span.text}
          </span>
        )
      })}
      {isLast ? '' : '\n'}
    </>
  )
}
