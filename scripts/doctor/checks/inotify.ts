/** The kernel's limits on watching files: all sandboxes run as one user id, so they share them. */
import { readFile } from 'node:fs/promises'
import { type Finding, ok, warning } from '../finding.ts'

/** Of one user, in all containers together. Null: not told, as on another machine or another system. */
export interface InotifyFacts {
  watches: number | null
  instances: number | null
}

/** A project's watcher takes one for each folder, often 10,000; a language server and a bundler one instance each. */
const ENOUGH = { watches: 65_536, instances: 512 }
const ADVISED = { watches: 524_288, instances: 1_024 }

export async function readInotify(): Promise<InotifyFacts> {
  const [watches, instances] = await Promise.all([readLimit('max_user_watches'), readLimit('max_user_instances')])
  return { watches, instances }
}

export function judgeInotify({ watches, instances }: InotifyFacts): Finding[] {
  if (watches === null || instances === null) return []
  const said = `${watches} watches and ${instances} instances, shared by all sandboxes`
  if (watches >= ENOUGH.watches && instances >= ENOUGH.instances) return [ok(said)]
  const lines = [
    `fs.inotify.max_user_watches=${Math.max(watches, ADVISED.watches)}`,
    `fs.inotify.max_user_instances=${Math.max(instances, ADVISED.instances)}`,
  ]
  return [
    warning(
      `${said}: watchers of several agents use them up (ENOSPC, EMFILE)`,
      `printf '%s\\n' ${lines.join(' ')} | sudo tee /etc/sysctl.d/60-berth.conf && sudo sysctl --system`,
    ),
  ]
}

async function readLimit(name: string): Promise<number | null> {
  try {
    const value = Number(await readFile(`/proc/sys/fs/inotify/${name}`, 'utf8'))
    return Number.isInteger(value) ? value : null
  } catch (error) {
    if (error instanceof Error && 'code' in error) return null
    throw error
  }
}
