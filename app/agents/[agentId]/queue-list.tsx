'use client'

import { type FormEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { QueuedMessageView } from '../../../lib/services/agent/schemas.ts'
import type { Queue } from '../../client/use-queue.ts'
import { LineIcon } from '../../components/line-icon.tsx'
import { ProblemNote } from '../../components/problem-note.tsx'
import { formatCount } from '../../model/format.ts'

export interface QueueListProps {
  queue: Queue
  /** Gets what was being changed when the run took the words it was for. */
  onLost(text: string): void
  /** Where the keyboard goes when the last of them is gone. */
  focusAfter(): void
}

/** Words that wait, on the upper edge of the field they were written in. */
export function QueueList({ queue, onLost, focusAfter }: QueueListProps) {
  const { items } = queue
  const [edit, setEdit] = useState<{ id: string; text: string; was: string } | null>(null)
  const list = useRef<HTMLOListElement>(null)
  /** Set together with what changes the list: the effect runs when the row to go to is on the page. */
  const [target, setTarget] = useState<{ id: string | null } | null>(null)
  useEffect(() => {
    if (target === null) return
    setTarget(null)
    const row = target.id === null ? null : list.current?.querySelector<HTMLElement>(`[data-id="${target.id}"] button`)
    if (row) row.focus()
    else focusAfter()
  }, [target, focusAfter])
  const isLost = edit !== null && !items.some(({ id }) => id === edit.id)
  useEffect(() => {
    if (!isLost || edit === null) return
    setEdit(null)
    if (edit.text.trim() !== edit.was) onLost(edit.text.trim())
    focusAfter()
  }, [isLost, edit, onLost, focusAfter])
  const save = async () => {
    if (edit === null || edit.text.trim() === '') return
    // Taken meanwhile: the row is gone, and the effect above keeps what was written.
    if (!(await queue.reword(edit.id, edit.text.trim()))) return
    setEdit(null)
    setTarget({ id: edit.id })
  }
  const remove = async (item: QueuedMessageView) => {
    const at = items.indexOf(item)
    const next = items[at + 1] ?? items[at - 1]
    await queue.remove(item.id)
    setTarget({ id: next?.id ?? null })
  }
  return (
    <>
      <p className="sr" role="status">
        {items.length > 0 ? `${formatCount(items.length, 'message')} waiting` : ''}
      </p>
      {queue.notice && (
        <p className="queue-note" role="status">
          <span className="grow">{queue.notice}</span>
          <button className="btn quiet sm" type="button" onClick={queue.forget}>
            Dismiss
          </button>
        </p>
      )}
      {queue.problem && (
        <div className="composer-problem">
          <ProblemNote problem={queue.problem}>
            <button className="btn quiet sm" type="button" onClick={queue.forget}>
              Dismiss
            </button>
          </ProblemNote>
        </div>
      )}
      {items.length > 0 && (
        <ol className="queue" aria-label="Words that wait" ref={list}>
          {items.map((item) =>
            edit?.id === item.id ? (
              <li key={item.id} className="editing">
                <EditWords
                  text={edit.text}
                  onText={(text) => setEdit({ ...edit, text })}
                  onSave={() => void save()}
                  onLeave={() => {
                    setEdit(null)
                    setTarget({ id: item.id })
                  }}
                />
              </li>
            ) : (
              <li key={item.id} data-id={item.id}>
                <LineIcon name="list" />
                <span className="muted fix">{item.mode === 'interrupt' ? 'Interrupts' : 'Queued'}</span>
                <span className="cut grow" title={item.text}>
                  {item.text}
                </span>
                <RowButton
                  icon="edit"
                  name="Edit"
                  text={item.text}
                  onPress={() => setEdit({ id: item.id, text: item.text, was: item.text })}
                />
                <RowButton icon="x" name="Remove" text={item.text} onPress={() => void remove(item)} />
              </li>
            ),
          )}
        </ol>
      )}
    </>
  )
}

interface RowButtonProps {
  icon: 'edit' | 'x'
  name: string
  text: string
  onPress(): void
}

function RowButton({ icon, name, text, onPress }: RowButtonProps) {
  return (
    <button
      className="btn quiet icon sm"
      type="button"
      title={name}
      aria-label={`${name}: ${text.slice(0, 60)}`}
      onClick={onPress}
    >
      <LineIcon name={icon} small />
    </button>
  )
}

interface EditWordsProps {
  text: string
  onText(text: string): void
  onSave(): void
  onLeave(): void
}

/** Not a form: it lies in the composer's. */
function EditWords({ text, onText, onSave, onLeave }: EditWordsProps) {
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus(), [])
  const press = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Escape') onLeave()
    else if (event.key === 'Enter' && !event.shiftKey) onSave()
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <>
      <textarea
        ref={field}
        aria-label="Change the words that wait"
        value={text}
        onChange={(event: FormEvent<HTMLTextAreaElement>) => onText(event.currentTarget.value)}
        onKeyDown={press}
      />
      <button className="btn quiet sm" type="button" onClick={onLeave}>
        Leave as it was
      </button>
      <button className="btn sm" type="button" disabled={text.trim() === ''} onClick={onSave}>
        Save
      </button>
    </>
  )
}
