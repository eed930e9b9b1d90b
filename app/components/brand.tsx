/** The name of the product with its mark. */
import Link from 'next/link'

export function Brand() {
  return (
    <Link className="brand" href="/agents">
      <svg viewBox="0 0 18 18" aria-hidden="true">
        <path fill="none" stroke="currentColor" strokeWidth="1.8" d="M2.5 1.5v14h13v-14" />
        <path fill="currentColor" d="M6 5.5 9 2l3 3.5V12.5H6z" />
      </svg>
      Berth
    </Link>
  )
}
