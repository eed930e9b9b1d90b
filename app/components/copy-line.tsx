/** A line to take along to a terminal, with a button that copies it. */
'use client'

import { useState } from 'react'
import { LineIcon } from './line-icon.tsx'

export function CopyLine({ text, what }: { text: string; what: string }) {
  return (
    <div className="copy">
      <span className="cut grow">{text}</span>
      <CopyButton text={text} what={what} />
    </div>
  )
}

/** `what` names the thing copied: "the command". */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const [outcome, setOutcome] = useState<'none' | 'copied' | 'refused'>('none')
  const copy = () => {
    copyText(text).then(
      () => setOutcome('copied'),
      () => setOutcome('refused'),
    )
  }
  return (
    <button
      className={outcome === 'none' ? 'btn quiet icon sm' : 'btn quiet sm'}
      type="button"
      aria-label={`Copy ${what}`}
      onClick={copy}
      onBlur={() => setOutcome('none')}
    >
      {outcome === 'none' && <LineIcon name="copy" small />}
      <span role="status">{outcome === 'copied' ? 'Copied' : outcome === 'refused' ? 'Select it instead' : ''}</span>
    </button>
  )
}

/** Pages served without HTTPS from another machine have no clipboard: then it rejects and the person selects the text. */
async function copyText(text: string): Promise<void> {
  await navigator.clipboard.writeText(text)
}
