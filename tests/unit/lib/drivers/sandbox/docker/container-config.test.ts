import { describe, expect, it } from 'vitest'
import { runnerCommand, toContainerConfig } from '../../../../../../lib/drivers/sandbox/docker/container-config.ts'
import type { SandboxSpec } from '../../../../../../lib/drivers/sandbox/port.ts'

const spec: SandboxSpec = {
  installationId: 'ins_0123456789',
  agentId: 'agt_1',
  incarnation: 'inc_1',
  image: 'berth-agent:1',
  memoryBytes: 100,
  nanoCpus: 7,
  pids: 9,
  tmpBytes: 11,
  bridgeTokenSha256: 'cafe',
  agentEnv: { PIP_INDEX_URL: 'https://mirror.example/simple' },
}
const plan = { spec, socketDirectory: '/sockets/inc_1', ipv6: true }

describe('the configuration of a container', () => {
  it('has no network, no capabilities, a read-only root and no more swap than memory', () => {
    expect(toContainerConfig(plan)).toMatchObject({
      User: '990:990',
      Cmd: expect.arrayContaining([
        'NODE_COMPILE_CACHE=/opt/berth/compile-cache',
        '/opt/berth/bin/node',
        '/opt/berth/bridge.cjs',
      ]),
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges:true'],
        ReadonlyRootfs: true,
        Memory: 100,
        MemorySwap: 100,
        NanoCpus: 7,
        PidsLimit: 9,
        Ulimits: [{ Name: 'core', Soft: 0, Hard: 0 }],
        RestartPolicy: { Name: 'no' },
      },
    })
  })

  it('mounts a volume for each path, named after installation and agent, and the socket directory', () => {
    const { HostConfig } = toContainerConfig(plan) as { HostConfig: { Mounts: unknown } }
    expect(HostConfig.Mounts).toEqual([
      { Type: 'volume', Source: 'berth-01234567-agt_1-workspace', Target: '/workspace' },
      { Type: 'volume', Source: 'berth-01234567-agt_1-home', Target: '/home/agent' },
      { Type: 'volume', Source: 'berth-01234567-agt_1-state', Target: '/state' },
      { Type: 'bind', Source: '/sockets/inc_1', Target: '/run/berth-bridge' },
    ])
  })

  it('makes /tmp executable and sized, and the place of the runner socket the bridge user’s', () => {
    expect(toContainerConfig(plan)).toMatchObject({
      HostConfig: {
        Tmpfs: {
          '/tmp': 'rw,exec,nosuid,nodev,mode=1777,size=11',
          '/run/berth': 'rw,noexec,nosuid,nodev,mode=0755,uid=990,gid=990,size=1m',
        },
      },
    })
  })

  it('mounts no folder of the host where the bridge is reached through exec, and says so in a label', () => {
    const { HostConfig, Labels } = toContainerConfig({ ...plan, socketDirectory: null }) as {
      HostConfig: { Mounts: { Type: string }[]; Tmpfs: Record<string, string> }
      Labels: Record<string, string>
    }
    expect(HostConfig.Mounts.map(({ Type }) => Type)).toEqual(['volume', 'volume', 'volume'])
    expect(HostConfig.Tmpfs['/run/berth-bridge']).toBe('rw,noexec,nosuid,nodev,mode=0755,uid=990,gid=990,size=1m')
    expect(Labels['berth.reach']).toBe('relay')
    expect(toContainerConfig(plan).Labels).not.toHaveProperty('berth.reach')
  })

  it('gives the bridge its own variables beside those of the agent', () => {
    expect(toContainerConfig(plan).Env).toEqual([
      'PIP_INDEX_URL=https://mirror.example/simple',
      'BERTH_AGENT_ID=agt_1',
      'BERTH_INCARNATION=inc_1',
      'BERTH_TOKEN_SHA256=cafe',
    ])
  })

  it('asks for IPv6 on loopback only where the kernel has it', () => {
    expect(toContainerConfig(plan)).toMatchObject({
      HostConfig: { Sysctls: { 'net.ipv6.conf.all.disable_ipv6': '0' } },
    })
    expect(toContainerConfig({ ...plan, ipv6: false }).HostConfig).not.toHaveProperty('Sysctls')
  })

  it.each(['NODE_OPTIONS', 'LD_PRELOAD', 'BERTH_TOKEN_SHA256'])('refuses %s for an agent', (name) => {
    const wrong = { ...plan, spec: { ...spec, agentEnv: { [name]: 'x' } } }
    expect(() => toContainerConfig(wrong)).toThrow(
      `An agent cannot have the variable ${name}: it would change the bridge.`,
    )
  })

  it('starts the runner as the agent and without the token’s hash', () => {
    expect(runnerCommand).toEqual({
      command: ['/usr/bin/env', '-u', 'BERTH_TOKEN_SHA256', '/opt/berth/bin/node', '/opt/berth/runner.cjs'],
      user: '1000:1000',
      workingDirectory: '/workspace',
      env: ['HOME=/home/agent', 'BERTH_ISOLATED=yes'],
    })
  })
})
