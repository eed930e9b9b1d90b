import { expect, test } from 'vitest'
import { createNameLookup } from '../../../../../lib/gateway/egress/name-lookup.ts'

function createHeldSystem() {
  const asked: { host: string; answer: (addresses: string[]) => void; fail: (error: Error) => void }[] = []
  const resolve = createNameLookup((host) => {
    const { promise, resolve: answer, reject: fail } = Promise.withResolvers<string[]>()
    asked.push({ host, answer, fail })
    return promise
  })
  return { asked, resolve }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('two names are asked for at once, the others wait their turn, also behind a failure', async () => {
  const { asked, resolve } = createHeldSystem()
  const answers = ['a', 'b', 'c', 'd'].map((host) => resolve(host).catch(() => ['failed']))
  await settled()
  expect(asked.map(({ host }) => host)).toEqual(['a', 'b'])
  asked[0]?.fail(new Error('no such name'))
  await settled()
  expect(asked.map(({ host }) => host)).toEqual(['a', 'b', 'c'])
  asked[1]?.answer(['2'])
  asked[2]?.answer(['3'])
  await settled()
  asked[3]?.answer(['4'])
  expect(await Promise.all(answers)).toEqual([['failed'], ['2'], ['3'], ['4']])
  void resolve('e')
  void resolve('f')
  await settled()
  expect(asked.map(({ host }) => host)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

test('a name that is being asked for is not asked for again, later it is', async () => {
  const { asked, resolve } = createHeldSystem()
  const both = Promise.all([resolve('a'), resolve('a')])
  asked[0]?.answer(['1'])
  expect(await both).toEqual([['1'], ['1']])
  expect(asked).toHaveLength(1)
  void resolve('a')
  expect(asked).toHaveLength(2)
})
