import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createNameLookup } from '../../../../../lib/gateway/egress/name-lookup.ts'
import { type NameServer, startNameServer } from '../../../../support/name-server.ts'

let server: NameServer
let folder: string
let hostsFile: string

beforeAll(async () => {
  server = await startNameServer({
    'quick.test': { A: ['203.0.113.1'], AAAA: ['2001:db8::1'] },
    'only-six.test': { A: [], AAAA: ['2001:db8::6'] },
    'pinned.test': { A: ['203.0.113.9'], AAAA: [] },
  })
  folder = await mkdtemp(path.join(os.tmpdir(), 'berth-hosts-'))
  hostsFile = path.join(folder, 'hosts')
})
afterAll(async () => {
  await server.close()
  await rm(folder, { recursive: true })
})

const never = new AbortController().signal
const asSandbox = { isInternal: false, signal: never }
const asPerson = { isInternal: true, signal: never }
const settled = () => new Promise((resolve) => setImmediate(resolve))

function createLookup(askSystem: (host: string) => Promise<string[]> = async () => ['192.0.2.53']) {
  return createNameLookup({ servers: [server.address], hostsFile, askSystem })
}

describe('a name that a sandbox may have made up', () => {
  test('is asked of the name servers, for both kinds of address', async () => {
    expect(await createLookup()('quick.test', asSandbox)).toEqual(['203.0.113.1', '2001:db8::1'])
    expect(await createLookup()('only-six.test', asSandbox)).toEqual(['2001:db8::6'])
  })

  test('that is not there is said so', async () => {
    await expect(createLookup()('missing.test', asSandbox)).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  test('keeps nobody waiting, however many are never answered', async () => {
    const resolve = createLookup(() => Promise.reject(new Error('not to be asked')))
    const leaving = new AbortController()
    const silent = Array.from({ length: 50 }, (_, index) =>
      resolve(`silent-${index}.test`, { isInternal: false, signal: leaving.signal }).catch((error) => error.code),
    )
    expect(await resolve('quick.test', asSandbox)).toContain('203.0.113.1')
    leaving.abort()
    expect(new Set(await Promise.all(silent))).toEqual(new Set(['ECANCELLED']))
  })

  test('is not asked for when the sandbox has left already', async () => {
    const asked = server.asked.length
    await expect(
      createLookup()('quick.test', { isInternal: false, signal: AbortSignal.abort(new Error('left')) }),
    ).rejects.toThrow('left')
    expect(server.asked).toHaveLength(asked)
  })

  test('comes from the hosts file where it stands there, also when that has just been changed', async () => {
    const resolve = createLookup()
    await writeFile(hostsFile, '198.51.100.1  Pinned.test other.test # by hand\n')
    expect(await resolve('pinned.test', asSandbox)).toEqual(['198.51.100.1'])
    await writeFile(hostsFile, '198.51.100.2 pinned.test\n198.51.100.3 pinned.test\n')
    await utimes(hostsFile, 1, 1)
    expect(await resolve('pinned.test', asSandbox)).toEqual(['198.51.100.2', '198.51.100.3'])
    await rm(hostsFile)
    expect(await resolve('pinned.test', asSandbox)).toEqual(['203.0.113.9'])
  })

  test('is looked for as the system does when there is no name server at all', async () => {
    const silent = await startNameServer({})
    await silent.close()
    const resolve = createNameLookup({ servers: [silent.address], hostsFile, askSystem: async () => ['192.0.2.1'] })
    expect(await resolve('quick.test', asSandbox)).toEqual(['192.0.2.1'])
  })
})

describe('a name that a person wrote', () => {
  function createHeldSystem() {
    const asked: { host: string; answer: (addresses: string[]) => void; fail: (error: Error) => void }[] = []
    const resolve = createLookup((host) => {
      const { promise, resolve: answer, reject: fail } = Promise.withResolvers<string[]>()
      asked.push({ host, answer, fail })
      return promise
    })
    return { asked, resolve: (host: string) => resolve(host, asPerson) }
  }

  test('is looked for as the system does: two at once, the others wait their turn, also behind a failure', async () => {
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

  test('that is being asked for is not asked for again, later it is', async () => {
    const { asked, resolve } = createHeldSystem()
    const both = Promise.all([resolve('a'), resolve('a')])
    await settled()
    asked[0]?.answer(['1'])
    expect(await both).toEqual([['1'], ['1']])
    expect(asked).toHaveLength(1)
    void resolve('a')
    await settled()
    expect(asked).toHaveLength(2)
  })
})
