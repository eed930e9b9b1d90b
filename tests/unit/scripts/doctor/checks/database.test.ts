import { describe, expect, it } from 'vitest'
import type { DatabaseState } from '../../../../../lib/store/inspect-database.ts'
import { type DatabaseAnswer, judgeDatabase } from '../../../../../scripts/doctor/checks/database.ts'

const state: DatabaseState = {
  version: '18.4',
  versionNumber: 180_004,
  encoding: 'UTF8',
  writable: true,
  foreign: false,
  pending: [],
  unknown: [],
  failed: [],
  driver: null,
  identity: null,
  server: { server: '1', database: 'berth' },
}
const named = (answer: DatabaseAnswer) =>
  judgeDatabase({ kind: 'named', shown: 'postgres://ada@db:5432/berth', answer })
const NAME = 'PostgreSQL 18.4 at postgres://ada@db:5432/berth'
const embedded = { home: '/d/postgres', programMajor: '18', clusterMajor: '18', runningAt: null }

describe('judgeDatabase, of a server that was named', () => {
  it('is content with one that is up to date, or empty', () => {
    expect(named({ state })).toEqual([{ severity: 'ok', found: `${NAME}, up to date` }])
    expect(named({ state: { ...state, pending: ['1_init', '2_more'] } })).toEqual([
      { severity: 'ok', found: `${NAME}, 2 migrations pending: npm start applies them` },
    ])
  })

  it.each([
    ['ECONNREFUSED', 'Nobody listens there: start the server, or correct host and port in DATABASE_URL.'],
    ['ENOTFOUND', 'Nobody knows that host: correct it in DATABASE_URL.'],
    ['28P01', 'Correct user name and password in DATABASE_URL.'],
    ['3D000', 'Make the database (createdb), or correct its name in DATABASE_URL.'],
    ['53300', 'The server has no connection left: raise its max_connections, or end what holds them.'],
    [null, 'Try it: psql with the same address.'],
  ])('blocks when it cannot be used (%s)', (code, advice) => {
    expect(named({ code, words: 'no' })).toEqual([
      {
        severity: 'problem',
        found: 'postgres://ada@db:5432/berth cannot be used: no',
        advice: `${advice} Leave DATABASE_URL empty to have an embedded one.`,
        because: 'there is no database',
      },
    ])
  })

  it.each<[Partial<DatabaseState>, string]>([
    [{ encoding: 'SQL_ASCII' }, `${NAME} is encoded in SQL_ASCII`],
    [{ versionNumber: 120_022 }, `${NAME} is older than Berth needs`],
    [{ writable: false }, `${NAME} cannot be written: a replica, read-only, or no right to make tables`],
    [{ unknown: ['3_later', '4_latest'] }, `${NAME} was used by a newer Berth (migration 4_latest)`],
  ])('blocks for what a start would stumble over: %o', (change, found) => {
    expect(named({ state: { ...state, ...change } })).toEqual([expect.objectContaining({ severity: 'problem', found })])
  })

  it.each<[Partial<DatabaseState>, string]>([
    [{ versionNumber: 130_012 }, `${NAME} is no longer maintained by its makers`],
    [{ failed: ['2_more'] }, `${NAME}: the migration 2_more began and did not end`],
    [{ foreign: true }, `${NAME} holds the tables of another program`],
  ])('warns of an old server, a start that was killed, and tables that are not ours: %o', (change, found) => {
    expect(named({ state: { ...state, ...change } })).toEqual([expect.objectContaining({ severity: 'warning', found })])
  })
})

describe('judgeDatabase, of the embedded server', () => {
  const NAME = 'embedded PostgreSQL 18 in /d/postgres'

  it('is content before the first start, at rest, and running', () => {
    const look = (change: object, answer: DatabaseAnswer | null = null) =>
      judgeDatabase({ kind: 'embedded', embedded: { ...embedded, ...change }, answer })
    expect(look({ clusterMajor: null })).toEqual([{ severity: 'ok', found: `${NAME}, made at the first start` }])
    expect(look({})).toEqual([{ severity: 'ok', found: `${NAME}, at rest until Berth starts` }])
    expect(look({ runningAt: 'postgres://secret' }, { state })).toEqual([
      { severity: 'ok', found: `${NAME}, running, up to date` },
    ])
  })

  it('blocks when it runs and is silent, when another PostgreSQL made its files, and when there is none', () => {
    expect(
      judgeDatabase({
        kind: 'embedded',
        embedded: { ...embedded, runningAt: 'postgres://secret' },
        answer: { code: null, words: 'timeout expired' },
      }),
    ).toEqual([
      {
        severity: 'problem',
        found: `${NAME} runs and does not answer (timeout expired)`,
        advice: 'Its log says why: /d/postgres/server.log. End Berth and start it again.',
        because: 'the database does not answer',
      },
    ])
    const other = { ...embedded, clusterMajor: '16' }
    expect(judgeDatabase({ kind: 'embedded', embedded: other, answer: null })).toEqual([
      expect.objectContaining({
        severity: 'problem',
        found: 'The data in /d/postgres is of PostgreSQL 16; this Berth brings 18',
      }),
    ])
    expect(judgeDatabase({ kind: 'embedded', embedded: { refusal: 'ENOTDIR' }, answer: null })).toEqual([
      expect.objectContaining({
        found: 'The files of the embedded database cannot be looked at (ENOTDIR)',
        advice: expect.stringMatching(/^They lie in the data folder/),
      }),
    ])
    const none = { words: 'There is no embedded PostgreSQL for this machine.' }
    expect(judgeDatabase({ kind: 'embedded', embedded: none, answer: null })).toEqual([
      expect.objectContaining({ severity: 'problem', advice: expect.stringMatching(/DATABASE_URL/) }),
    ])
  })
})
