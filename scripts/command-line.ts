/** What a script was asked for on its command line; what it does not know is told with how it is used. */
import { type ParseArgsConfig, parseArgs } from 'node:util'

/** The command line makes no sense; the message says why, and how the script is used. */
export class WrongArguments extends Error {
  override readonly name = 'WrongArguments'
  constructor(why: string, usage: string) {
    super(`${why}\n\n${usage.trimEnd()}`)
  }
}

/** Node's `parseArgs`; throws WrongArguments. */
export function parseCommandLine<T extends ParseArgsConfig>(usage: string, config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    if (!(error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')))
      throw error
    throw new WrongArguments(`${error.message.split('. ')[0]}.`, usage)
  }
}

/** Of a script that takes words and no options but --help: those words, or null where the usage was asked for. */
export function readWords(usage: string, args: string[], atMost = Number.POSITIVE_INFINITY): string[] | null {
  const { values, positionals } = parseCommandLine(usage, {
    args,
    options: { help: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  if (positionals.length > atMost) throw new WrongArguments(`Unexpected argument '${positionals[atMost]}'.`, usage)
  return values.help ? null : positionals
}
