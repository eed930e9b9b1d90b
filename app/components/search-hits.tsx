/** Hits of a search by file, the match marked. */
'use client'

import { memo } from 'react'
import { type HitGroup, markMatches } from '../model/search-hits.ts'

/** A pattern that backtracks for ever would stand still on a long line: so much of each is looked at. */
const MARKED_CHARS = 300

export const SearchHits = memo(function SearchHits({
  groups,
  pattern,
}: {
  groups: HitGroup[]
  pattern: RegExp | null
}) {
  return (
    <div className="hits">
      {groups.map((group) => (
        <div key={group.file}>
          <div className="f">
            <span className="cut">{group.file}</span>
            <span className="faint">{group.hits.length}</span>
          </div>
          {group.hits.map((hit) => (
            <div className="h" key={hit.line}>
              <span>{hit.line}</span>
              <span className="cut">
                {markMatches(hit.text.slice(0, MARKED_CHARS), pattern).map((part, index) =>
                  // biome-ignore lint/suspicious/noArrayIndexKey: parts of one line have no other name
                  part.isMatch ? <mark key={index}>{part.text}</mark> : part.text,
                )}
              </span>
            </div>
          ))}
        </div>
      ))}
    </div>
  )
})
