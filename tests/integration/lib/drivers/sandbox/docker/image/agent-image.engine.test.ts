import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings } from '../../../../../../../lib/config.ts'
import { type OpenEngine, openEngine } from '../../../../../../../lib/drivers/sandbox/docker/engine/open-engine.ts'
import {
  ensureAgentImage,
  inspectAgentImage,
} from '../../../../../../../lib/drivers/sandbox/docker/image/ensure-agent-image.ts'
import { runOnce } from '../../../../../../../lib/drivers/sandbox/docker/image/run-once.ts'

const ROOT = path.resolve(import.meta.dirname, '../../../../../../..')

describe('the agent image', () => {
  const settings = { ...readSettings(process.env, ROOT), agentImage: null }
  const signal = new AbortController().signal
  const version = `0.0.0-test-${process.pid}`
  const image = `berth-agent:${version}`
  let engine: OpenEngine
  /** The project under a version of its own, so that nobody's image is replaced. */
  let root: string
  let runner: string

  const ensure = (lines: string[] = []) =>
    ensureAgentImage({
      settings,
      root,
      onProgress: (line) => lines.push(line),
      entries: { bridge: path.join(ROOT, 'tests/fixtures/stand-in-bridge.ts'), runner },
    })
  const run = async (command: string, user = 'agent') => {
    const { lines } = await runOnce(engine, { image, command: ['bash', '-c', `exec 2>&1; ${command}`], user, signal })
    return lines.join('\n')
  }

  beforeAll(async () => {
    engine = openEngine(settings.dockerHost)
    root = await mkdtemp(path.join(os.tmpdir(), 'berth-image-test-'))
    const manifest = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8'))
    await writeFile(path.join(root, 'package.json'), JSON.stringify({ ...manifest, version }))
    for (const name of ['container', 'node_modules']) await symlink(path.join(ROOT, name), path.join(root, name))
    runner = path.join(root, 'runner.ts')
    await writeFile(runner, 'console.log("first")\n')
    expect(await ensure()).toEqual({ image, built: true })
  }, 900_000)
  afterAll(async () => {
    await engine?.removeImage(image)
    if (root !== undefined) await rm(root, { recursive: true, force: true })
  }, 60_000)

  it('is left alone while nothing that goes into it changed', async () => {
    const lines: string[] = []
    expect(await ensure(lines)).toEqual({ image, built: false })
    expect(lines).toEqual([])
  })

  it('is looked at without a build: current, stale when a program changed, its own when it was named, or missing', async () => {
    const entries = { bridge: path.join(ROOT, 'tests/fixtures/stand-in-bridge.ts'), runner }
    const look = (agentImage: string | null = null, tag = image) =>
      inspectAgentImage(engine, { settings: { ...settings, agentImage }, root, entries, tag })
    expect(await look()).toEqual({ image, state: 'current', build: null })
    await writeFile(runner, 'console.log("never built")\n')
    const build = {
      baseImage: settings.baseImage,
      architecture: process.arch === 'x64' ? 'amd64' : 'arm64',
      hasTools: true,
    }
    expect(await look()).toEqual({ image, state: 'stale', build })
    expect(await look(image)).toEqual({ image, state: 'own', build: null })
    const never = 'berth-agent:never-made'
    expect(await look(null, never)).toEqual({ image: never, state: 'missing', build })
    expect(await look(never)).toEqual({ image: never, state: 'absent', build: null })
    expect(await engine.findImage(never)).toBeNull()
    await writeFile(runner, 'console.log("first")\n')
    expect((await look()).state).toBe('current')
  })

  it('gets a new last layer and nothing else when a program changed, and replaces the old one', async () => {
    const before = await engine.findImage(image)
    await writeFile(runner, 'console.log("second")\n')
    const lines: string[] = []
    expect(await ensure(lines)).toEqual({ image, built: true })
    expect(lines).not.toContainEqual(expect.stringContaining('Building the tools'))
    expect(await run('node /opt/berth/runner.cjs')).toBe('second')
    expect(await engine.findImage(before?.id ?? '')).toBeNull()
  })

  it('is used as it is when it is named in so many words', async () => {
    const named = { ...settings, agentImage: image }
    expect(await ensureAgentImage({ settings: named, root, onProgress: () => {} })).toEqual({ image, built: false })
  })

  it("is refused when it is named and does not have Berth's programs", async () => {
    const tools = (await engine.findImage(image))?.labels['berth.tools'] ?? ''
    const named = { ...settings, agentImage: tools }
    await expect(ensureAgentImage({ settings: named, root, onProgress: () => {} })).rejects.toMatchObject({
      code: 'image_missing',
      message: `${tools}, which BERTH_AGENT_IMAGE names, does not have Berth's programs in it.`,
    })
    expect(await inspectAgentImage(engine, { settings: named, root })).toMatchObject({ state: 'foreign' })
  })

  it('is never built under a name that was given for another: that is pulled, or said to be missing', async () => {
    const name = 'registry.invalid/berth-agnt:1'
    const lines: string[] = []
    const named = { ...settings, agentImage: name }
    const onProgress = (line: string) => lines.push(line)
    for (const noCache of [false, true]) {
      await expect(ensureAgentImage({ settings: named, root, onProgress, noCache })).rejects.toMatchObject({
        code: 'image_missing',
        message: expect.stringMatching(
          /^BERTH_AGENT_IMAGE names registry\.invalid\/berth-agnt:1, which is not on the engine at \S+ and could not be pulled: .*registry\.invalid/,
        ),
        hint: expect.stringContaining('Correct the name'),
      })
    }
    expect(lines).toEqual([`Pulling ${name}`, `Pulling ${name}`])
    expect(await engine.findImage(name)).toBeNull()
  })

  it('knows the hosts that its package managers use, and nothing else', async () => {
    const labels = (await engine.findImage(image))?.labels ?? {}
    const hosts: string[] = JSON.parse(labels['berth.egress'] ?? '')
    const npm = new URL(await run('npm config get registry')).hostname
    expect(hosts).toContain(npm)
    expect(hosts).toEqual([...new Set(hosts)].sort())
    expect(hosts).toHaveLength(3)
  })

  it('has the tools of everyday work on the PATH, in a login shell too', async () => {
    const tools =
      'git rg python3 pip gcc g++ make pkg-config node npm npx curl less jq patch diff unzip xz file ps tree'
    expect(await run(`for tool in ${tools}; do command -v $tool >/dev/null || echo missing $tool; done`)).toBe('')
    expect(await run('bash -lc "command -v node pip rg"')).toBe(
      '/opt/berth/bin/node\n/home/agent/.venv/bin/pip\n/opt/berth/bin/rg',
    )
  })

  it('lets the agent install for itself: pip and npm -g write into its home', async () => {
    expect(await run('npm prefix -g; pip config list; python3 -c "import sys, pip; print(sys.prefix)"')).toContain(
      '/home/agent/.npm-global',
    )
    const made =
      'mkdir /tmp/p && cd /tmp/p && echo \'{"name":"p","version":"1.0.0","bin":{"hello-p":"x.js"}}\' > package.json'
    const program = 'printf "#!/usr/bin/env node\\nconsole.log(42)" > x.js && chmod +x x.js'
    expect(await run(`${made} && ${program} && npm install -g --silent . && hello-p`)).toBe('42')
    const python =
      "mkdir /tmp/q && cd /tmp/q && echo \"from setuptools import setup; setup(name='q', py_modules=['q'])\" > setup.py"
    const install = 'echo "answer = 42" > q.py && pip install -q --no-index --no-build-isolation .'
    expect(await run(`${python} && ${install} && cd / && python3 -c "import q; print(q.answer)"`)).toMatch(/42$/)
  })

  it('compiles a native add-on without fetching headers', async () => {
    const files = [
      `mkdir /tmp/a && cd /tmp/a`,
      `echo '{"targets":[{"target_name":"a","sources":["a.c"]}]}' > binding.gyp`,
      `printf '#include <node_api.h>\\nNAPI_MODULE_INIT() { return exports; }\\n' > a.c`,
      `echo '{"name":"a","version":"1.0.0"}' > package.json`,
      'npm install --silent --offline',
      `node -p 'typeof require("./build/Release/a.node")'`,
    ]
    expect(await run(files.join(' && '))).toMatch(/object$/)
  }, 60_000)

  it.each(['apt', 'apt-get', 'sudo', 'docker'])('answers %s with what to do instead', async (name) => {
    const said = await run(`${name} install x; echo "exit $?"`)
    expect(said).toMatch(new RegExp(`^${name}: `))
    expect(said).toMatch(/exit 1$/)
  })

  it('sends everything but this machine through the proxy of the bridge', async () => {
    const environment = await run('env')
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) {
      expect(environment).toContain(`${name}=http://127.0.0.1:3128`)
    }
    for (const name of ['NO_PROXY', 'no_proxy']) {
      expect(environment).toContain(`${name}=localhost,127.0.0.1,::1,0.0.0.0,.localhost,agent`)
    }
    expect(await run('git config http.proxy')).toBe('http://127.0.0.1:3128')
  })

  it('has nothing in the folder of the bridge: each agent begins a journal of its own', async () => {
    const real = `${image}-real`
    await ensureAgentImage({ settings, root: ROOT, tag: real, onProgress: () => {} })
    try {
      const command = ['bash', '-c', 'exec 2>&1; ls -A /state']
      expect((await runOnce(engine, { image: real, command, user: 'bridge', signal })).lines).toEqual([])
    } finally {
      await engine.removeImage(real)
    }
  }, 60_000)

  it('has the users and folders of the contract', async () => {
    const stat = 'stat -c "%n %u:%g %a" /state /workspace /home/agent /run/berth-bridge'
    expect((await run(stat)).split('\n')).toEqual([
      '/state 990:990 700',
      '/workspace 1000:1000 755',
      '/home/agent 1000:1000 755',
      '/run/berth-bridge 990:990 755',
    ])
    const foreign = 'find / -xdev -user agent -not -path "/home/agent*" -not -path /workspace'
    expect(await run(foreign, '0:0')).toBe('')
  })
})
