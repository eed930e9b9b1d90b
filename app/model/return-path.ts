/** Where a person goes after signing in. Owns: refusing to lead to another site. Must not know: sessions, React. */

/** A path of this site, from a path or an address with `origin`; anything else leads to the list of agents. */
export function readReturnPath(wanted: string, origin: string): string {
  if (wanted === '' || !URL.canParse(wanted, origin)) return '/agents'
  const url = new URL(wanted, origin)
  if (url.origin !== origin || url.pathname === '/sign-in') return '/agents'
  return `${url.pathname}${url.search}`
}
