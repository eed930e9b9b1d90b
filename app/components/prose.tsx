/** Words of the model or of a person, drawn from blocks; never from HTML. */
import { Fragment, memo, type ReactNode } from 'react'
import { type Block, type Inline, parseInline, parseProse, parseSentence } from '../model/prose.ts'

export const Prose = memo(function Prose({ text, isLive = false }: { text: string; isLive?: boolean }) {
  const blocks = parseProse(text)
  return (
    <div className="prose" aria-busy={isLive}>
      {blocks.map((block, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: blocks only ever come at the end
        <BlockView key={index} block={block} end={isLive && index === blocks.length - 1 ? <Caret /> : null} />
      ))}
      {isLive && blocks.length === 0 && <Caret />}
    </div>
  )
})

/** A sentence of Berth's own: commands and settings stand in it as code. */
export function Sentence({ text }: { text: string }) {
  return <Inlines inlines={parseSentence(text)} />
}

/** A person's words as they were typed, line for line, with code and links told apart. */
export const PlainWords = memo(function PlainWords({ text }: { text: string }) {
  return (
    <p className="plain-words">
      <Inlines inlines={parseInline(text)} />
    </p>
  )
})

function Caret() {
  return <span className="caret" />
}

function BlockView({ block, end }: { block: Block; end: ReactNode }) {
  switch (block.kind) {
    case 'heading':
      return (
        <h4>
          <Inlines inlines={block.inlines} />
          {end}
        </h4>
      )
    case 'paragraph':
      return (
        <p>
          <Inlines inlines={block.inlines} />
          {end}
        </p>
      )
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard has to reach it
        <pre className="code" tabIndex={0}>
          {block.text}
          {end}
        </pre>
      )
    case 'list': {
      const List = block.ordered ? 'ol' : 'ul'
      return (
        <List>
          {block.items.map((inlines, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: items only ever come at the end
            <li key={index}>
              <Inlines inlines={inlines} />
              {index === block.items.length - 1 ? end : null}
            </li>
          ))}
        </List>
      )
    }
  }
}

function Inlines({ inlines }: { inlines: Inline[] }) {
  return inlines.map((inline, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: inlines only ever come at the end
    <Fragment key={index}>
      <InlineView inline={inline} />
    </Fragment>
  ))
}

function InlineView({ inline }: { inline: Inline }) {
  switch (inline.kind) {
    case 'text':
      return inline.text
    case 'code':
      return <code>{inline.text}</code>
    case 'strong':
      return <strong>{inline.text}</strong>
    case 'link':
      return (
        <a href={inline.href} target="_blank" rel="noreferrer nofollow">
          {inline.text}
        </a>
      )
  }
}
