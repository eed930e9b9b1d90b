/**
 * The model's words as blocks: the small part of Markdown that models write, read so that a text cut anywhere (it streams)
 * still gives blocks that only grow.
 * Owns: that reading. Must not know: how blocks are drawn. Never yields HTML, and links only of http and https.
 */

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'strong'; text: string }
  | { kind: 'link'; text: string; href: string }

export type Block =
  | { kind: 'paragraph'; inlines: Inline[] }
  | { kind: 'heading'; inlines: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] }

const FENCE = /^\s{0,3}```\s*([\w+-]*)/
const HEADING = /^#{1,6}\s+(.*)$/
const BULLET = /^\s*[-*+]\s+(.*)$/
const NUMBER = /^\s*\d{1,9}[.)]\s+(.*)$/

export function parseProse(text: string): Block[] {
  const blocks: Block[] = []
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  let index = 0
  while (index < lines.length) {
    const line = lines[index] ?? ''
    const fence = FENCE.exec(line)
    if (fence) {
      const end = findFenceEnd(lines, index + 1)
      blocks.push({ kind: 'code', text: lines.slice(index + 1, end).join('\n'), language: fence[1] ?? '' })
      index = end + 1
      continue
    }
    index += 1
    if (line.trim() !== '') addLine(blocks, line, lines[index - 2])
  }
  return blocks
}

/** An unclosed fence ends where the text so far ends. */
function findFenceEnd(lines: readonly string[], from: number): number {
  const end = lines.findIndex((line, index) => index >= from && /^\s{0,3}```\s*$/.test(line))
  return end === -1 ? lines.length : end
}

function addLine(blocks: Block[], line: string, previousLine: string | undefined): void {
  const heading = HEADING.exec(line)
  if (heading) {
    blocks.push({ kind: 'heading', inlines: parseInline(heading[1] ?? '') })
    return
  }
  const bullet = BULLET.exec(line)
  const item = bullet ?? NUMBER.exec(line)
  const last = blocks.at(-1)
  if (item) {
    const ordered = bullet === null
    const inlines = parseInline(item[1] ?? '')
    if (last?.kind === 'list' && last.ordered === ordered) last.items.push(inlines)
    else blocks.push({ kind: 'list', ordered, items: [inlines] })
    return
  }
  const follows = previousLine !== undefined && previousLine.trim() !== ''
  if (follows && last?.kind === 'paragraph') last.inlines.push({ kind: 'text', text: ' ' }, ...parseInline(line.trim()))
  else if (follows && last?.kind === 'list')
    last.items.at(-1)?.push({ kind: 'text', text: ' ' }, ...parseInline(line.trim()))
  else blocks.push({ kind: 'paragraph', inlines: parseInline(line.trim()) })
}

const INLINE =
  /`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)|(https?:\/\/[^\s<>()]*[^\s<>().,;:!?'"])/g

export function parseInline(text: string): Inline[] {
  const inlines: Inline[] = []
  let from = 0
  for (const match of text.matchAll(INLINE)) {
    if (match.index > from) inlines.push({ kind: 'text', text: text.slice(from, match.index) })
    const [whole, code, strong, label, href, bare] = match
    if (code !== undefined) inlines.push({ kind: 'code', text: code })
    else if (strong !== undefined) inlines.push({ kind: 'strong', text: strong })
    else if (label !== undefined && href !== undefined) inlines.push({ kind: 'link', text: label, href })
    else if (bare !== undefined) inlines.push({ kind: 'link', text: bare, href: bare })
    from = match.index + whole.length
  }
  if (from < text.length) inlines.push({ kind: 'text', text: text.slice(from) })
  return inlines
}

/** Words of Berth's own in which some of a sandbox's may stand: a link says where it leads, whatever its label was. */
export function parseSentence(text: string): Inline[] {
  return parseInline(text).map((inline) =>
    inline.kind === 'link' && inline.text !== inline.href
      ? { kind: 'text', text: `${inline.text} (${inline.href})` }
      : inline,
  )
}

/** The first line that says something, without the marks of Markdown: for a place with room for one line. */
export function firstPlainLine(text: string): string {
  const line = text.split('\n').find((candidate) => /[\p{L}\p{N}]/u.test(candidate)) ?? ''
  return line
    .trim()
    .replace(/^(#{1,6}|[-*+]|\d{1,9}[.)])\s+/, '')
    .replaceAll(/`|\*\*/g, '')
}
