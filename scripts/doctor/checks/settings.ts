/** The settings: wrong values, and mistakes in .env. */
import { type Finding, ok, problem, warning } from '../finding.ts'

export interface SettingsFacts {
  /** Of variables, and of .env itself, each in words. */
  wrong: { variable: string; words: string }[]
  /** As scripts/env-file.ts finds them, each a sentence. */
  mistakes: string[]
}

export function judgeSettings({ wrong, mistakes }: SettingsFacts): Finding[] {
  const findings = [
    ...wrong.map(({ variable, words }) => problem(words, adviseOn(variable), `${variable} is wrong`)),
    ...mistakes.map((mistake) => warning(`.env: ${mistake}`, 'Correct or remove it; .env.example has every name.')),
  ]
  return findings.length === 0 ? [ok('no wrong value, no unknown name in .env')] : findings
}

function adviseOn(variable: string): string {
  if (variable === '.env') return 'Make it yours: sudo chown $(id -u) .env && chmod 600 .env'
  return `Correct ${variable} in .env or in the environment; .env.example says what it is.`
}
