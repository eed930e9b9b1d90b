/** A refusal where the thing would be: what did not work, what was tried and received, what to do. */
import type { ReactNode } from 'react'
import type { Problem } from '../model/problem.ts'
import { LineIcon } from './line-icon.tsx'
import { Sentence } from './prose.tsx'

export function ProblemNote({ problem, children }: { problem: Problem; children?: ReactNode }) {
  return (
    <div className="note danger" role="alert">
      <span className="del">
        <LineIcon name="warn" />
      </span>
      <div className="grow">
        <b className="med">{problem.title}</b>
        {problem.detail !== '' && problem.detail !== problem.title && (
          <p className="muted">
            <Sentence text={problem.detail} />
          </p>
        )}
        {problem.hint && (
          <p className="muted">
            <Sentence text={problem.hint} />
          </p>
        )}
        {children && <div className="note-acts">{children}</div>}
      </div>
    </div>
  )
}
