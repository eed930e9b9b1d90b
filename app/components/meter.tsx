/** Spent of a limit: a bar with a notch at 80 %, from where it is a warning. */
import { toPercent } from '../model/format.ts'

export function Meter({ label, spent, limit }: { label: string; spent: number; limit: number }) {
  const percent = toPercent(spent, limit)
  return (
    // biome-ignore lint/a11y/useSemanticElements: the browser's own meter cannot show the notch
    <span
      className={percent >= 80 ? 'meter hot' : 'meter'}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <i style={{ width: `${percent}%` }} />
    </span>
  )
}
