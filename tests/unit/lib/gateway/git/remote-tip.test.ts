import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import type { ForgeAnswer, ForgeConnection } from '../../../../../lib/gateway/git/forge-connection.ts'
import { encodePktLine, FLUSH_PKT } from '../../../../../lib/gateway/git/pkt-line.ts'
import { readRemoteTip } from '../../../../../lib/gateway/git/remote-tip.ts'
import type { GitGrant } from '../../../../../lib/gateway/ports.ts'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const LONG = 'c'.repeat(64)
const SERVICE = [encodePktLine('# service=git-upload-pack\n'), FLUSH_PKT]

const answer = (...pieces: Buffer[]): ForgeAnswer => Readable.from(pieces)
const cut = (...pieces: Buffer[]): ForgeAnswer =>
  Readable.from(
    (async function* () {
      yield* pieces
      throw new Error('cut')
    })(),
  )

/** Asks a forge that answers so, and hears what it was asked. */
async function ask(forge: { advertisement: ForgeAnswer; refs?: ForgeAnswer }) {
  const asked: { headers: Record<string, string>; body: string }[] = []
  const connection: ForgeConnection = {
    advertise: async ({ headers }) => {
      asked.push({ headers, body: '' })
      return forge.advertisement
    },
    call: async ({ headers, body }) => {
      asked.push({ headers, body: body.toString() })
      return forge.refs ?? answer()
    },
  }
  const grant: GitGrant = {
    repository: 'acme/app',
    targetBranch: 'work',
    readRepos: [],
    targetTip: null,
    baseUrl: 'https://forge.test',
    token: null,
  }
  const tip = await readRemoteTip({ forge: connection, grant, repository: 'acme/app', ref: 'refs/heads/work' })
  return { tip, asked }
}

const VERSION_2 = [...SERVICE, encodePktLine('version 2\n'), encodePktLine('agent=git/2.40\n')]

test('a forge of protocol version 2 is asked for that one ref', async () => {
  const { tip, asked } = await ask({
    advertisement: answer(...VERSION_2, encodePktLine('ls-refs=unborn\n'), FLUSH_PKT),
    refs: answer(
      encodePktLine(`${B} refs/heads/work-2\n`),
      encodePktLine(`${B} refs/heads/work/deeper\n`),
      encodePktLine(`${A} refs/heads/work\n`),
      FLUSH_PKT,
    ),
  })
  expect(tip).toBe(A)
  expect(asked[0]?.headers).toEqual({ 'git-protocol': 'version=2' })
  expect(asked[1]).toEqual({
    headers: { 'git-protocol': 'version=2', 'content-type': 'application/x-git-upload-pack-request' },
    body: '0014command=ls-refs\n0001001fref-prefix refs/heads/work\n0000',
  })
})

test('a repository of another object format is asked in its own', async () => {
  const { tip, asked } = await ask({
    advertisement: answer(...VERSION_2, encodePktLine('object-format=sha256\n'), FLUSH_PKT),
    refs: answer(encodePktLine(`${LONG} refs/heads/work\n`), FLUSH_PKT),
  })
  expect(tip).toBe(LONG)
  expect(asked[1]?.body).toContain('0018object-format=sha2560001')
})

test('a forge that knows no version 2 has said it all at once', async () => {
  const { tip, asked } = await ask({
    advertisement: answer(
      ...SERVICE,
      encodePktLine(`${B} HEAD\0multi_ack side-band-64k agent=git/2.10\n`),
      encodePktLine(`${B} refs/heads/main\n`),
      encodePktLine(`${A} refs/heads/work\n`),
      FLUSH_PKT,
    ),
  })
  expect(tip).toBe(A)
  expect(asked).toHaveLength(1)
})

test('a branch on the line that also has the capabilities is found', async () => {
  const first = encodePktLine(`${A} refs/heads/work\0multi_ack side-band-64k\n`)
  expect((await ask({ advertisement: answer(...SERVICE, first, FLUSH_PKT) })).tip).toBe(A)
})

test('a branch that is not there is null', async () => {
  const empty = encodePktLine(`${'0'.repeat(40)} capabilities^{}\0agent=git/2.10\n`)
  expect((await ask({ advertisement: answer(...SERVICE, empty, FLUSH_PKT) })).tip).toBeNull()
  expect((await ask({ advertisement: answer(...VERSION_2, FLUSH_PKT), refs: answer(FLUSH_PKT) })).tip).toBeNull()
})

test.each([
  ['cut off', cut(...SERVICE), 'cut'],
  ['without its end', answer(...VERSION_2, encodePktLine('ls-refs\n')), 'its answer has no end'],
  ['empty', answer(), 'its answer has no end'],
  ['no pkt-lines', answer(Buffer.from('<html>')), '"<htm" is not the length of a pkt-line'],
])('an answer that is %s is no answer', async (_what, advertisement, words) => {
  await expect(ask({ advertisement })).rejects.toThrow(
    `The git host did not say where refs/heads/work is: ${words}. Try again later.`,
  )
})
