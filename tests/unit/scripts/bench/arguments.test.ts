import { expect, it } from 'vitest'
import { readArguments, USAGE } from '../../../../scripts/bench/arguments.ts'
import { benches } from '../../../../scripts/bench/benches.ts'

const names = benches.map(({ name }) => name)

it('everything is measured where nothing is asked for', () => {
  expect(readArguments([])).toEqual({ only: names, repeat: null, json: false, help: false })
})

it('what is asked for runs in the order of the benches', () => {
  expect(readArguments(['--only', 'resume', '--only', 'start', '--json', '--repeat', '3'])).toEqual({
    only: ['start', 'resume'],
    repeat: 3,
    json: true,
    help: false,
  })
})

it('an unknown bench is refused with those that there are', () => {
  expect(() => readArguments(['--only', 'speed'])).toThrow(`There is no bench "speed"; there are ${names.join(', ')}.`)
})

it('repetitions are a whole number from 1', () => {
  for (const repeat of ['0', '1.5', 'many', '']) {
    expect(() => readArguments(['--repeat', repeat])).toThrow('--repeat takes a number of repetitions')
  }
})

it('the usage names every bench', () => {
  for (const name of names) expect(USAGE).toContain(name)
})
