/** What is loading, after a glance: ruled rows of the final height, without shimmer. */
'use client'

import { useLate } from '../client/use-late.ts'

export function LoadingRows({ rows, what }: { rows: number; what: string }) {
  const isLate = useLate(true)
  if (!isLate) return null
  return (
    <div className="loading" role="status">
      <span className="sr">Loading {what}</span>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <div key={index} aria-hidden="true" />
      ))}
    </div>
  )
}
