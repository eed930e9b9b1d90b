import { describe, expect, it } from 'vitest'
import type { EngineDetails } from '../../../../../lib/drivers/sandbox/docker/engine/engine.ts'
import { type EngineFacts, judgeEngine } from '../../../../../scripts/doctor/checks/engine.ts'

const details: EngineDetails = {
  product: 'Docker',
  version: '28.2.2',
  apiVersion: '1.50',
  hostName: 'host',
  operatingSystem: 'Debian GNU/Linux 13 (trixie)',
  storageDriver: 'overlay2',
  securityOptions: ['name=seccomp,profile=builtin', 'name=cgroupns'],
  cgroupVersion: '2',
  rootDirectory: '/var/lib/docker',
  memoryBytes: 16e9,
  cpus: 8,
  enforces: { memory: true, cpu: true, pids: true },
}
const facts: EngineFacts = {
  address: 'unix:///var/run/docker.sock',
  details,
  failure: null,
  relayedBecause: null,
  isLocal: true,
  isInstalled: true,
}
const withDetails = (change: Partial<EngineDetails>): EngineFacts => ({ ...facts, details: { ...details, ...change } })

describe('judgeEngine', () => {
  it('says what answers, and where it is', () => {
    expect(judgeEngine(facts)).toEqual([
      {
        severity: 'ok',
        found: 'Docker 28.2.2 (API 1.50, overlay2, cgroup v2) at unix:///var/run/docker.sock, on this machine',
      },
    ])
    const away = { ...facts, isLocal: false, relayedBecause: 'Docker Desktop runs containers in a virtual machine' }
    expect(judgeEngine(away)[0]?.found).toMatch(
      /, on another machine or in a virtual one \(host\); bridges are reached through exec: Docker Desktop runs containers in a virtual machine$/,
    )
  })

  it('blocks when none answers, with the words and the command of who could not reach it', () => {
    const failure = {
      words: 'The Docker engine at unix:///x cannot be reached (version: EACCES).',
      hint: 'sudo usermod',
    }
    expect(judgeEngine({ ...facts, details: null, failure })).toEqual([
      { severity: 'problem', found: failure.words, advice: 'sudo usermod', because: 'there is no Docker engine' },
    ])
    const silent = { words: 'The Docker engine at unix:///x did not answer within 8 s.', hint: '' }
    expect(judgeEngine({ ...facts, details: null, failure: silent })).toEqual([
      expect.objectContaining({
        advice: 'Start it again: sudo systemctl restart docker; or name another one in DOCKER_HOST.',
      }),
    ])
  })

  it('says how to install one where there is none to start', () => {
    const failure = { words: 'It cannot be reached (ENOENT).', hint: 'Start it: sudo systemctl start docker' }
    const absent = { ...facts, details: null, failure, isInstalled: false }
    expect(judgeEngine(absent)).toEqual([
      expect.objectContaining({
        advice: 'Install Docker: sudo apt-get install docker.io, or https://docs.docker.com/engine/install/',
      }),
    ])
    // Named by the person: then that one is meant.
    expect(judgeEngine({ ...absent, address: 'tcp://other:2375' })).toEqual([
      expect.objectContaining({ advice: failure.hint }),
    ])
  })

  it.each<[string, EngineFacts, RegExp, RegExp]>([
    [
      'an old engine',
      withDetails({ version: '19.03.1', apiVersion: '1.40' }),
      /19\.03\.1 is older than 20\.10/,
      /Update/,
    ],
    ['Podman', withDetails({ product: 'Podman' }), /Podman answers in Docker's place/, /Use Docker/],
    ['vfs', withDetails({ storageDriver: 'vfs' }), /vfs is slow/, /"storage-driver": "overlay2"/],
    ['cgroup v1', withDetails({ cgroupVersion: '1' }), /cgroup v1/, /systemd\.unified_cgroup_hierarchy=1/],
    [
      'a kernel that limits no memory',
      withDetails({ enforces: { memory: false, cpu: true, pids: false } }),
      /cannot limit a sandbox's memory and pids/,
      /cgroup_enable=memory/,
    ],
    ['no seccomp', withDetails({ securityOptions: ['name=apparmor'] }), /No seccomp/, /with seccomp/],
    [
      'an engine that is open to the network',
      { ...facts, address: 'tcp://10.0.0.5:2375' },
      /10\.0\.0\.5:2375 is open to everyone/,
      /ssh -NL/,
    ],
  ])('warns of %s, and blocks nothing', (_, given, found, advice) => {
    const [first, second, ...more] = judgeEngine(given)
    expect(first?.severity).toBe('ok')
    expect(second).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(found),
      advice: expect.stringMatching(advice),
    })
    expect(more).toEqual([])
  })

  it('takes an engine on loopback for safe enough', () => {
    expect(judgeEngine({ ...facts, address: 'tcp://127.0.0.1:2375' })).toHaveLength(1)
  })
})
