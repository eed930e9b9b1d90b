/** What is said of agents that nothing isolates, wherever one is shown: an icon and words, never colour alone. */
import { LineIcon } from './line-icon.tsx'

const MEANING =
  'No container: commands run as ordinary processes of the machine that Berth runs on, and can do there what its user can, read its keys included.'

/** Beside a name. `more`: words for where there is room. */
export function NotIsolated({ more = '' }: { more?: string }) {
  return (
    <span className="unguarded" title={MEANING}>
      <LineIcon name="unshielded" small />
      <span>
        Not isolated
        {more !== '' && <span className="desk-inline">{more}</span>}
      </span>
    </span>
  )
}

/** On a page that is about all of them, or about one to come. */
export function NotIsolatedNote({ title }: { title: string }) {
  return (
    <div className="note warn">
      <span className="tone-warn">
        <LineIcon name="unshielded" />
      </span>
      <p>
        <b className="med">{title}</b>{' '}
        <span className="muted">
          {MEANING} No limit of memory or processor is held, and what a policy refuses can be reached past the proxy.
          Give an agent only what you would run yourself.
        </span>
      </p>
    </div>
  )
}
