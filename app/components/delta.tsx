/** Lines added and removed. Nothing where nothing changed. */
import { formatAdditions, formatDeletions } from '../model/format.ts'

export function Delta({ additions, deletions }: { additions: number; deletions: number }) {
  if (additions === 0 && deletions === 0) return null
  return (
    <>
      <span className="add">{formatAdditions(additions)}</span>{' '}
      <span className="del">{formatDeletions(deletions)}</span>
    </>
  )
}
