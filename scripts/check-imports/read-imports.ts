/** What a source file imports. Reads the shapes that the formatter leaves: a statement begins its line, strings are single-quoted. */

export interface Import {
  /** As written: './x.ts', 'zod', 'node:fs'. */
  specifier: string
  isTypeOnly: boolean
  /** From 1. */
  line: number
}

const STATEMENT = /^(?:import|export)\s+(type\s+)?(?:[\w*\s{},$]+?\sfrom\s+)?'([^'\n]+)'/gm
const DYNAMIC = /\bimport\('([^'\n]+)'\)/g

/** Comments are blanked, so that an example in one is no import; lines keep their numbers. */
export function readImports(source: string): Import[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, (comment) => comment.replace(/[^\n]/g, ' '))
  const lineOf = (index: number) => code.slice(0, index).split('\n').length
  const statements = [...code.matchAll(STATEMENT)].map((match) => ({
    specifier: match[2] ?? '',
    isTypeOnly: match[1] !== undefined || hasOnlyTypes(match[0]),
    line: lineOf(match.index),
  }))
  const dynamic = [...code.matchAll(DYNAMIC)].map((match) => ({
    specifier: match[1] ?? '',
    isTypeOnly: false,
    line: lineOf(match.index),
  }))
  return [...statements, ...dynamic]
}

/** `import { type A, type B } from` and nothing beside it. */
function hasOnlyTypes(statement: string): boolean {
  const names = /^(?:import|export)\s+\{([^}]*)\}\s+from/.exec(statement)?.[1]?.split(',')
  const given = names?.map((name) => name.trim()).filter((name) => name !== '') ?? []
  return given.length > 0 && given.every((name) => name.startsWith('type '))
}

/** Lines on which the environment is read; setting a variable is not reading. */
export function readsOfEnvironment(source: string): number[] {
  return source.split('\n').flatMap((line, index) => {
    const code = line.replace(/^\s*(\*|\/\/|\/\*).*$/, '')
    return /\bprocess\.env\b(?!\.\w+ (\?\?)?= )/.test(code) ? [index + 1] : []
  })
}
