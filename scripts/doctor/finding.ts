/** What a check of the set-up says. Pure data: how it is found is the checks' business, how it is shown is render.ts's. */

export type Finding =
  | { severity: 'ok'; found: string }
  /** Something will not work, or not well; a task still becomes a pull request, or at least gets worked on. */
  | { severity: 'warning'; found: string; advice: string }
  /** An agent could not do its work. `because` ends the sentence "The main job cannot run: ...". */
  | { severity: 'problem'; found: string; advice: string; because: string }

/** `found`: one line that says what is there. `advice`: one line that says what to do, with the command or the setting. */
export const ok = (found: string): Finding => ({ severity: 'ok', found })
export const warning = (found: string, advice: string): Finding => ({ severity: 'warning', found, advice })
export const problem = (found: string, advice: string, because: string): Finding => ({
  severity: 'problem',
  found,
  advice,
  because,
})

/** e.g. "1.5 GiB", "300 MiB". */
export function formatBytes(bytes: number): string {
  const gib = bytes / 2 ** 30
  if (gib >= 100) return `${Math.round(gib)} GiB`
  if (gib >= 1) return `${gib.toFixed(1)} GiB`
  return `${Math.floor(bytes / 2 ** 20)} MiB`
}
