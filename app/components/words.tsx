/** What a person said to an agent, with who said it. */
import { PlainWords } from './prose.tsx'

export function Words({ text, from }: { text: string; from: string | null }) {
  return (
    <div className="body">
      <PlainWords text={text} />
      {from && <span className="from">{from}</span>}
    </div>
  )
}
