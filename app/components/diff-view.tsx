/** A unified diff: numbers, sign, code, marks on the words that changed. */
'use client'

import { memo, useState } from 'react'
import { type DiffLine, parseUnifiedDiff } from '../model/unified-diff.ts'

const SHOWN_LINES = 200

const LOOKS: Record<DiffLine['kind'], { className: string; sign: string }> = {
  hunk: { className: 'dl h', sign: '' },
  add: { className: 'dl a', sign: '+' },
  delete: { className: 'dl r', sign: '\u2212' },
  context: { className: 'dl', sign: ' ' },
}

export interface DiffViewProps {
  diff: string
  /** One column of numbers, as in the conversation. */
  thin?: boolean
  /** The bridge cut a long diff. */
  truncated: boolean
}

export const DiffView = memo(function DiffView({ diff, thin = false, truncated }: DiffViewProps) {
  const [isWhole, setWhole] = useState(false)
  const lines = parseUnifiedDiff(diff)
  const shown = isWhole ? lines : lines.slice(0, SHOWN_LINES)
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
    <section className="diff" tabIndex={0} aria-label="Difference">
      {shown.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a diff never changes its lines
        <Line key={index} line={line} thin={thin} />
      ))}
      {lines.length === 0 && (
        <p className="diff-note">No lines to show: the file is binary or only its mode changed.</p>
      )}
      {lines.length > shown.length && (
        <button className="show-all" type="button" onClick={() => setWhole(true)}>
          Show all {lines.length} lines
        </button>
      )}
      {truncated && <p className="diff-note">The rest of this difference is too long to keep here.</p>}
    </section>
  )
})

function Line({ line, thin }: { line: DiffLine; thin: boolean }) {
  const look = LOOKS[line.kind]
  return (
    <div className={thin ? `${look.className} thin` : look.className}>
      {!thin && <span className="n old">{line.oldNumber}</span>}
      <span className="n">{thin ? (line.newNumber ?? line.oldNumber) : line.newNumber}</span>
      {line.kind !== 'hunk' && <span className="m">{look.sign}</span>}
      <span className="c">
        {line.parts.map((part, index) =>
          // biome-ignore lint/suspicious/noArrayIndexKey: parts of one line have no other name
          part.changed ? <b key={index}>{part.text}</b> : part.text,
        )}
      </span>
    </div>
  )
}
