'use client'

import type { ReactNode } from 'react'
import { type IconName, LineIcon } from '../../components/line-icon.tsx'
import { formatCount, formatTokens } from '../../model/format.ts'
import type { NoteEntry } from '../../model/transcript-types.ts'

/** What the control plane did or refused, and what went wrong: a line each, a box where a person should look. */
export function NoteView({ entry }: { entry: NoteEntry }) {
  const { data } = entry
  switch (entry.kind) {
    case 'commit':
      return (
        <Line icon="branch" verb="Committed" object={textOf(data.subject)}>
          {`${formatCount(numberOf(data.files), 'file')} · ${textOf(data.sha).slice(0, 7)}`}
        </Line>
      )
    case 'push':
      return <PushView data={data} />
    case 'pull_request':
      return <PullRequestView data={data} />
    case 'refused':
      return (
        <Box icon="shield" tone="warn" title={`Refused: ${textOf(data.host)}`}>
          {sentences(`${textOf(data.reason)}.`, `To allow it: ${textOf(data.cure)}.`, textOf(data.note))}
        </Box>
      )
    case 'error':
      return (
        <Box icon="warn" tone="danger" title={ERROR_TITLES[textOf(data.code)] ?? 'Something was refused'}>
          {textOf(data.message)}
        </Box>
      )
    case 'compaction':
      return (
        <Line icon="list" verb="Shortened its memory" object="">
          {`${formatTokens(numberOf(data.tokensBefore))} to ${formatTokens(numberOf(data.tokensAfter))} tokens`}
        </Line>
      )
    case 'continued':
      return <Line icon="retry" verb="Went on" object="after an interruption" />
    case 'interrupted':
      return <p className="muted note-line">Step ended: you spoke.</p>
    case 'retried':
      return <Line icon="retry" verb="No answer" object={textOf(data.message)} wraps />
    case 'told':
      return <p className="muted note-line">{textOf(data.message)}</p>
    case 'asleep':
      return (
        <p className="muted note-line">
          Fell asleep: its container was stopped after idle time. Files and conversation are kept.
        </p>
      )
    case 'stopped':
      return <p className="muted note-line">The container was removed. Files and conversation are kept.</p>
  }
}

const ERROR_TITLES: Record<string, string> = {
  event_rejected: 'An entry of the log could not be taken',
  event_flood: 'Its log is read slowly',
  disk_unmeasured: 'Its disk limit does not hold',
  model_key_missing: 'No key for the model',
  model_key_rejected: 'The provider refused the key',
  credit_exhausted: 'The provider’s credit is used up',
  budget_exhausted: 'The budget is used up',
}

function PushView({ data }: { data: Record<string, unknown> }) {
  const branch = textOf(data.ref).replace(/^refs\/heads\//, '')
  if (data.outcome === 'ok') {
    return (
      <Line icon="branch" verb="Pushed" object={branch} mono>
        {textOf(data.newSha).slice(0, 7)}
      </Line>
    )
  }
  const where = textOf(data.repository) || branch
  const title =
    data.outcome === 'unknown' ? `Nobody confirmed the push to ${where}` : `The push to ${where} was refused`
  return (
    <Box icon="warn" tone="danger" title={title}>
      {sentences(textOf(data.reason), textOf(data.note))}
    </Box>
  )
}

function PullRequestView({ data }: { data: Record<string, unknown> }) {
  if (data.action === 'skipped') {
    return <Line icon="pr" verb="No pull request" object={textOf(data.reason)} wraps />
  }
  const url = textOf(data.url)
  const verb = data.action === 'opened' ? 'Pull request opened' : 'Pull request updated'
  return (
    <div className="note ok">
      <LineIcon name="pr" />
      <div className="grow">
        <b className="med">
          {verb}: #{numberOf(data.number)}
        </b>
        <p className="muted">{textOf(data.title)}</p>
      </div>
      {isWebAddress(url) && (
        <a className="btn sm" href={url} target="_blank" rel="noreferrer">
          Open it
          <LineIcon name="out" small />
        </a>
      )}
    </div>
  )
}

interface LineProps {
  icon: IconName
  verb: string
  object: string
  mono?: boolean
  /** Sentences, which are shown to their end. */
  wraps?: boolean
  children?: ReactNode
}

function Line({ icon, verb, object, mono = false, wraps = false, children }: LineProps) {
  const look = wraps ? 'what whole' : 'what cut'
  return (
    <div className="tool plain">
      <div className="one still">
        <LineIcon name={icon} />
        <span className="verb">{verb}</span>
        <span className={mono ? `${look} mono` : look}>{object}</span>
        <span className="grow" />
        <span className="took">{children}</span>
      </div>
    </div>
  )
}

interface BoxProps {
  icon: IconName
  tone: 'warn' | 'danger'
  title: string
  children: ReactNode
}

function Box({ icon, tone, title, children }: BoxProps) {
  return (
    <div className={`note ${tone}`}>
      <LineIcon name={icon} />
      <div>
        <b className="med">{title}</b>
        <p className="muted">{children}</p>
      </div>
    </div>
  )
}

function isWebAddress(url: string): boolean {
  return /^https?:\/\//.test(url)
}

function sentences(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}
