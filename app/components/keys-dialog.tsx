/** The keys that work today. */
'use client'

import { useId } from 'react'
import { Dialog } from './dialog.tsx'
import { LineIcon } from './line-icon.tsx'

const SECTIONS = [
  {
    title: 'Everywhere',
    keys: [
      ['New agent', 'C'],
      ['These keys', '?'],
      ['Close what is on top', 'Esc'],
    ],
  },
  { title: 'List of agents', keys: [['Filter', '/']] },
  {
    title: 'One agent',
    keys: [
      ['Write an instruction', 'I'],
      ['Send it, or queue it during a run', 'Enter'],
      ['Interrupt the step with it', 'Ctrl Shift Enter'],
      ['A new line', 'Shift Enter'],
      ['Stop', 'Ctrl .'],
      ['To the newest', 'End'],
      ['Panel: changes, plan, pull request, details', '1 2 3 4'],
    ],
  },
]

export function KeysDialog({ onClose }: { onClose(): void }) {
  const id = useId()
  return (
    <Dialog titleId={id} className="dialog help" onClose={onClose}>
      <div className="top">
        <h2 id={id}>Keys</h2>
        <span className="grow" />
        <button className="btn quiet icon" type="button" aria-label="Close" onClick={onClose}>
          <LineIcon name="x" />
        </button>
      </div>
      {SECTIONS.map((section) => (
        <section key={section.title}>
          <h3>{section.title}</h3>
          <dl>
            {section.keys.map(([what, keys]) => (
              <div key={what}>
                <dt>{what}</dt>
                <dd>
                  {keys?.split(' ').map((key) => (
                    <kbd key={key}>{key}</kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Dialog>
  )
}
