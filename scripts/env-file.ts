/**
 * Mistakes in .env that the settings cannot see: a name that Berth does not read, a line that is no assignment. Knows names only;
 * a value is never looked at and never part of what is said.
 */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { environmentVariables } from '../lib/config.ts'
import { findNearest } from './nearest.ts'

/** Not read by Berth itself, but of use in .env: to Node, to what Berth starts, and to docker-compose.yml, for which it is too. */
const OF_OTHERS =
  /^(TMPDIR|TZ|LANG|LC_\w+|NODE_\w+|NEXT_\w+|npm_config_\w+|NPM_CONFIG_\w+|COMPOSE_\w+|DOCKER_\w+|POSTGRES_PASSWORD|BERTH_(POSTGRES|NODE)_IMAGE)$/

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(["'`]?)(.*)$/
/** Longer "names" are rather a key that was pasted without its name. */
const LONGEST_NAME = 40

/** One sentence for each mistake, with what to write instead where that can be told. None: the file is fine, or there is none. */
export async function describeEnvFile(root: string): Promise<string[]> {
  try {
    return findMistakes(await readFile(path.join(root, '.env'), 'utf8'))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
    throw error
  }
}

/** `text`: the content of a .env file. */
export function findMistakes(text: string): string[] {
  const mistakes: string[] = []
  let openQuote = ''
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (openQuote !== '') {
      if (line.includes(openQuote)) openQuote = ''
      continue
    }
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, quote = '', rest = ''] = ASSIGNMENT.exec(line) ?? []
    if (name === undefined || name.length > LONGEST_NAME) {
      mistakes.push(`Line ${index + 1} is no NAME=value and has no effect.`)
      continue
    }
    if (quote !== '' && !rest.includes(quote)) openQuote = quote
    if (environmentVariables.includes(name) || OF_OTHERS.test(name)) continue
    const nearest = findNearest(name, environmentVariables)
    mistakes.push(
      `${name} is no variable of Berth and has no effect${nearest === null ? '.' : `: did you mean ${nearest}?`}`,
    )
  }
  return mistakes
}
