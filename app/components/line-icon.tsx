/** Line icons, 16 px, drawn in the colour of the text. Always beside a word, or in a control that has a name. */
import type { ReactNode } from 'react'

const PATHS = {
  arrowdown: <path d="M8 3v10M4 9l4 4 4-4" />,
  berths: <path d="M2 3.5h12M2 8h12M2 12.5h12" />,
  branch: (
    <>
      <circle cx="4.5" cy="3.5" r="1.6" />
      <circle cx="4.5" cy="12.5" r="1.6" />
      <circle cx="11.5" cy="5" r="1.6" />
      <path d="M4.5 5.1v5.8M11.5 6.6c0 2.6-2.6 2.9-6 3.6" />
    </>
  ),
  check: <path d="m3 8.5 3.2 3L13 4.5" />,
  copy: (
    <>
      <rect x="5.5" y="5.5" width="8" height="8" rx="1" />
      <path d="M10.5 5.5v-3h-8v8h3" />
    </>
  ),
  dots: (
    <>
      <circle cx="3.2" cy="8" r=".9" fill="currentColor" />
      <circle cx="8" cy="8" r=".9" fill="currentColor" />
      <circle cx="12.8" cy="8" r=".9" fill="currentColor" />
    </>
  ),
  down: <path d="M3.5 6 8 10.5 12.5 6" />,
  edit: <path d="m10.7 2.6 2.7 2.7-7.6 7.6-3.3.6.6-3.3z" />,
  file: <path d="M4 1.75h5L12.25 5v9.25H4zM9 1.75V5h3.25" />,
  folder: <path d="M1.75 3.5h4.5l1.5 1.75h6.5v7.5H1.75z" />,
  gear: (
    <>
      <path d="M2 5h6.5M12 5h2M2 11h2M7.5 11H14" />
      <circle cx="10.2" cy="5" r="1.7" />
      <circle cx="5.8" cy="11" r="1.7" />
    </>
  ),
  left: <path d="M10 3.5 5.5 8l4.5 4.5" />,
  list: <path d="M6.5 4h7M6.5 8h7M6.5 12h7M2.3 4l.8.8 1.6-1.7M2.3 8.2l.8.8 1.6-1.7M2.6 12h1.6" />,
  lock: (
    <>
      <rect x="3.5" y="7" width="9" height="6.5" rx="1" />
      <path d="M5.5 7V5a2.5 2.5 0 0 1 5 0v2" />
    </>
  ),
  out: <path d="M6.5 3.5h-4v10h10v-4M9.5 2.5h4v4M13.5 2.5l-6 6" />,
  play: <path d="M4.5 2.8v10.4l8.2-5.2z" />,
  pr: (
    <>
      <circle cx="4" cy="3.6" r="1.6" />
      <circle cx="4" cy="12.4" r="1.6" />
      <circle cx="12" cy="12.4" r="1.6" />
      <path d="M4 5.2v5.6M12 10.8V6.2A2.2 2.2 0 0 0 9.8 4H7.6M9.3 2.2 7.5 4l1.8 1.8" />
    </>
  ),
  retry: <path d="M13 8a5 5 0 1 1-1.6-3.7M13 2.5v3h-3" />,
  right: <path d="m6 3.5 4.5 4.5L6 12.5" />,
  search: (
    <>
      <circle cx="7" cy="7" r="4.25" />
      <path d="m10.2 10.2 3.3 3.3" />
    </>
  ),
  shield: (
    <>
      <path d="M8 1.8 13 3.6v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4z" />
      <path d="M5.8 8h4.4" />
    </>
  ),
  stop: <rect x="4" y="4" width="8" height="8" rx="1" fill="currentColor" />,
  sun: (
    <>
      <circle cx="8" cy="8" r="2.8" />
      <path d="M8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M3.4 12.6l1-1M11.6 4.4l1-1" />
    </>
  ),
  term: <path d="m2.5 4 3.75 4L2.5 12M8 12.25h5.5" />,
  to: <path d="M2.5 8h11M9.5 4l4 4-4 4" />,
  trash: <path d="M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4" />,
  unshielded: (
    <>
      <path d="M8 1.8 13 3.6v4c0 3.2-2 5.4-5 6.6-3-1.2-5-3.4-5-6.6v-4z" />
      <path d="m2 2 12 12" />
    </>
  ),
  warn: <path d="M8 2.2 14.3 13H1.7zM8 6.5v3M8 11.2v.1" />,
  x: <path d="m4 4 8 8M12 4l-8 8" />,
} satisfies Record<string, ReactNode>

export type IconName = keyof typeof PATHS

export function LineIcon({ name, small = false }: { name: IconName; small?: boolean }) {
  return (
    <svg className={small ? 'i sm' : 'i'} viewBox="0 0 16 16" aria-hidden="true">
      {PATHS[name]}
    </svg>
  )
}
