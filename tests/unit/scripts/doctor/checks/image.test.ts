import { describe, expect, it } from 'vitest'
import { type BaseFacts, judgeImage } from '../../../../../scripts/doctor/checks/image.ts'

const image = 'berth-agent:1.0.0'
const build = { baseImage: 'debian:bookworm-slim', architecture: 'amd64', hasTools: false }
const there: BaseFacts = { isThere: true, registryProblem: null, canBeMade: false }
const inRegistry: BaseFacts = { ...there, isThere: false }
const nowhere: BaseFacts = { isThere: false, registryProblem: 'no such\nhost', canBeMade: false }

describe('judgeImage', () => {
  it('is content with an image of the current sources, or one that was named', () => {
    expect(judgeImage({ state: { image, state: 'current', build: null }, base: null })).toEqual([
      { severity: 'ok', found: 'berth-agent:1.0.0 is there, made of the current sources' },
    ])
    expect(judgeImage({ state: { image: 'mine:1', state: 'own', build: null }, base: null })).toEqual([
      { severity: 'ok', found: 'mine:1 is there, as BERTH_AGENT_IMAGE names it' },
    ])
  })

  it("says of one that was named and has not Berth's programs what to name instead", () => {
    const state = { image: 'debian:12', state: 'foreign', build: null } as const
    expect(judgeImage({ state, base: null })).toEqual([
      {
        severity: 'problem',
        found: "debian:12, which BERTH_AGENT_IMAGE names, does not have Berth's programs in it.",
        advice: expect.stringContaining('Build yours FROM the agent image'),
        because: 'the agent image is not one of Berth',
      },
    ])
  })

  it('says of one that was named and is not there whether it can be pulled', () => {
    const absent = { image: 'mine:1', state: 'absent', build: null } as const
    const found = 'mine:1, which BERTH_AGENT_IMAGE names, is not on the engine'
    expect(judgeImage({ state: absent, base: null, pullProblem: null })).toEqual([
      { severity: 'warning', found, advice: 'npm start pulls it, or now: docker pull mine:1' },
    ])
    expect(judgeImage({ state: absent, base: null, pullProblem: 'no such\nhost' })).toEqual([
      {
        severity: 'problem',
        found: `${found}, and cannot be pulled: no such host`,
        advice:
          "Correct the name, or bring the image to the engine (docker load); without BERTH_AGENT_IMAGE Berth's own is built.",
        because: 'the agent image is not there',
      },
    ])
  })

  it.each([
    ['stale', { ...build, hasTools: true }, null, 'is made of other sources than these', 'some seconds'],
    ['missing', build, there, 'is not made yet; its base debian:bookworm-slim is there', 'some minutes'],
    ['missing', build, inRegistry, 'is not made yet; its base debian:bookworm-slim can be pulled', 'some minutes'],
    [
      'missing',
      build,
      { ...nowhere, canBeMade: true },
      "is not made yet; its base debian:bookworm-slim cannot be pulled, and will be made of this machine's Debian packages",
      'some minutes',
    ],
  ] as const)('says what makes one that is %s', (state, built, base, found, time) => {
    expect(judgeImage({ state: { image, state, build: built }, base })).toEqual([
      {
        severity: 'warning',
        found: `${image} ${found}`,
        advice: `npm start makes it (${time}), or now: npm run build-container`,
      },
    ])
  })

  it('blocks where none is there and none can be made', () => {
    const advice =
      'Bring it to the engine (docker pull debian:bookworm-slim, or docker load), or name an image there that is based on Debian in BERTH_BASE_IMAGE.'
    const found = 'its base debian:bookworm-slim cannot be had: no such host'
    expect(judgeImage({ state: { image, state: 'missing', build }, base: nowhere })).toEqual([
      {
        severity: 'problem',
        found: `${image} is not made yet, and ${found}`,
        advice,
        because: 'there is no agent image, and none can be made',
      },
    ])
    expect(judgeImage({ state: { image, state: 'stale', build }, base: nowhere })).toEqual([
      { severity: 'warning', found: `${image} is made of other sources than these, and ${found}`, advice },
    ])
    expect(judgeImage({ state: { words: "The engine's architecture is s390x", hint: '' }, base: null })).toEqual([
      expect.objectContaining({ severity: 'problem', advice: 'See why: npm run build-container' }),
    ])
  })
})
