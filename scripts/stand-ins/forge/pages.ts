/** What a person sees who opens the stand-in in a browser: one plain page for a pull request, its diff as text. */
import type { PullRecord, StoredRepository } from './repositories.ts'

export function pullPage(input: { repository: StoredRepository; pull: PullRecord; diff: string }): string {
  const { repository, pull, diff } = input
  return `<!doctype html>
<meta charset="utf-8">
<title>${escapeHtml(pull.title)} · ${escapeHtml(repository.fullName)} #${pull.number}</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto;background:#f4f4f5;padding:1rem}</style>
<p>A local stand-in for GitHub: <strong>${escapeHtml(repository.fullName)}</strong></p>
<h1>${escapeHtml(pull.title)} <small>#${pull.number}</small></h1>
<p>${escapeHtml(pull.author)} asks to merge <code>${escapeHtml(pull.head)}</code> into <code>${escapeHtml(pull.base)}</code> (${pull.state})</p>
<pre>${escapeHtml(pull.body)}</pre>
<pre>${escapeHtml(diff)}</pre>
`
}

function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character)
}
