/**
 * An agent that kills what it may, and uses up all that it may have: another one works meanwhile, and it works itself again
 * with its next run.
 */
import { afterAll, beforeAll, expect } from 'vitest'
import { type BoundaryAgent, type BoundaryRig, startBoundary } from '../support/boundary-rig.ts'
import { callCommand, SLOW, scriptInstructions, startTriedAgent, type TriedAgent } from '../support/tried-agent.ts'
import { describeBoundary } from './describe-boundary.ts'

const SMALL_PIECES = `for i in $(seq 200); do python3 -c 'import time
x = bytearray(8_000_000)
time.sleep(15)' & done; wait`
const HOLD_PROCESS_IDS = `import os, time
while True:
    try:
        if os.fork() == 0: os.execvp("sleep", ["sleep", "1000"])
    except OSError:
        time.sleep(0.01)`

/** What the model answers to the last words of the person. */
const script = scriptInstructions({
  'Kill everything.': [
    callCommand('environment', 'env'),
    callCommand('note', 'echo written before > before.txt'),
    callCommand('kill', 'kill -9 -1'),
    callCommand('after', 'cat before.txt; pgrep -c -u 1000 -f /opt/berth/runner.cjs'),
  ],
  'Multiply.': [callCommand('bomb', ':(){ :|:& };:', 600)],
  'Multiply, and wait.': [callCommand('long-bomb', ':(){ :|:& };:; while :; do :; done', 600)],
  'Eat in small pieces.': [callCommand('eat', SMALL_PIECES), callCommand('eaten', 'echo still here')],
  'Watch files.': [callCommand('watched', 'git status --short; echo worked')],
})

let rig: BoundaryRig
let agent: TriedAgent
let neighbour: TriedAgent

beforeAll(async () => {
  rig = await startBoundary({ script })
  agent = await startTriedAgent(rig)
  neighbour = await startTriedAgent(rig)
})
afterAll(() => rig?.close())

/** An ordinary day's work, to be done while another agent misbehaves. */
async function works(of: BoundaryAgent): Promise<void> {
  const { output, exitCode } = await of.sh(
    [
      'set -e',
      'git status --short',
      'rm -rf /tmp/repository && git init --quiet /tmp/repository && cd /tmp/repository',
      'git -c user.name=a -c user.email=a@b commit --quiet --allow-empty -m work',
      'cd /workspace',
      'python3 -c "print(6 * 7)"',
      'printf "import test from \\"node:test\\"; test(\\"x\\", () => {})" > /tmp/x.test.mjs',
      'node --test /tmp/x.test.mjs | grep "^. pass 1"',
      'node -e "require(\'net\').createServer().listen(0, () => process.exit())"',
      'timeout 1 tail -f README.md > /tmp/tail || test $? = 124',
      'test -s /tmp/tail && echo done',
    ].join('; '),
  )
  expect(output).toMatch(/^42\n.* pass 1\n(.*\n)*done\n$/)
  expect(exitCode).toBe(0)
}

describeBoundary('sandbox', ({ attempt }) => {
  attempt('kill -9 -1', async () => {
    const since = await agent.startedAt()
    expect((await agent.work('Kill everything.')).reason).toBe('completed')
    expect(agent.result('environment').output).toMatch(/^HOME=\/home\/agent$/m)
    expect(agent.result('environment').output).not.toMatch(/BERTH_TOKEN/)
    expect(agent.result('kill').outcome).toBe('error')
    expect(agent.result('after').output).toMatch(/^Exit code 0 .*written before\n1$/s)
    expect(await agent.startedAt()).toBe(since)
    expect(rig.model.unscripted).toEqual([])
  })

  attempt('all inotify instances, while another agent works', async () => {
    const hold = `import ctypes, time
libc = ctypes.CDLL(None)
count = 0
while libc.inotify_init() >= 0: count += 1
open("/home/agent/held", "w").write(str(count))
time.sleep(600)`
    await agent.output(`rm -f /home/agent/held; setsid python3 -c '${hold}' > /dev/null 2>&1 < /dev/null &`)
    try {
      await expect.poll(() => agent.output('cat /home/agent/held'), SLOW).toMatch(/^\d+$/)
      await works(neighbour)
      // Its own bridge does not need any either.
      expect((await agent.work('Watch files.')).reason).toBe('completed')
      expect(agent.result('watched').output).toContain('worked')
      expect((await neighbour.work('Watch files.')).reason).toBe('completed')
    } finally {
      await agent.output('pkill -9 -f inotify_init')
    }
  })

  attempt('all process ids, while another agent works', async () => {
    // As far as can be from anything that the runner could find again: no mark, a session of its own. A shell would give up in time.
    await agent.output(`env -i setsid python3 -c '${HOLD_PROCESS_IDS}' > /dev/null 2>&1 < /dev/null &`)
    // A fork of its own: what the engine itself starts is not always counted.
    const canStart = async (of: BoundaryAgent) =>
      (await of.sh('exec dash -c "(:); :"').catch(() => ({ exitCode: 126 }))).exitCode === 0
    await expect.poll(() => canStart(agent), SLOW).toBe(false)
    await works(neighbour)
    // Its own next run cannot begin, and says why; what stands in the way goes with the container.
    const { id } = await agent.resume('Watch files.')
    const end = await agent.untilRunIsOver(id)
    expect(end.data).toMatchObject({ reason: 'failed', message: expect.stringContaining('as many processes') })
    expect((await agent.work('Watch files.')).reason).toBe('completed')
    expect(await canStart(agent)).toBe(true)
  })

  attempt('a fork bomb in a run: ended with its command or the run, and nothing of it left', async () => {
    const since = await agent.startedAt()
    const count = async () => Number((await agent.sh('pgrep -c -u 1000').catch(() => ({ output: '' }))).output) || 512
    expect((await agent.work('Multiply.')).reason).toBe('completed')
    expect(agent.result('bomb').output).toContain('Resource temporarily unavailable')
    await expect.poll(count, SLOW).toBeLessThan(5)
    const { id } = await agent.resume('Multiply, and wait.')
    await expect.poll(count, SLOW).toBeGreaterThan(400)
    await works(neighbour)
    await rig.api.cancelAgent(agent.id)
    expect((await agent.untilRunIsOver(id)).data.reason).toBe('cancelled')
    await expect.poll(count, SLOW).toBeLessThan(5)
    expect(await agent.startedAt()).toBe(since)
    expect((await agent.work('Watch files.')).reason).toBe('completed')
  })

  attempt('all memory, while another agent works', async () => {
    const since = [await agent.startedAt(), await neighbour.startedAt()]
    const eaten = agent.sh(`python3 -c 'x = []\nwhile True: x.append(bytearray(50_000_000))'; echo "exit $?"`)
    await works(neighbour)
    expect((await eaten).output).toContain('exit 137')
    expect([await agent.startedAt(), await neighbour.startedAt()]).toEqual(since)
  })

  attempt(
    'all memory in small pieces: the bridge is not what ends',
    async () => {
      const since = await agent.startedAt()
      const done = await agent.work('Eat in small pieces.')
      expect(done.reason).toBe('completed')
      expect(agent.result('eat').output).toContain('Killed')
      expect(agent.result('eaten').output).toContain('still here')
      expect(await agent.startedAt()).toBe(since)
    },
    120_000,
  )

  attempt('all of /tmp and shared memory, while another agent works', async () => {
    const filled = await agent.output(
      'head -c 2G /dev/zero > /tmp/full; head -c 1G /dev/zero > /dev/shm/full; head -c 10M /dev/zero > /run/berth/x; ls -l /tmp/full /dev/shm/full',
    )
    expect(filled.match(/No space left on device/g)).toHaveLength(2)
    await works(neighbour)
    await agent.output('rm /tmp/full /dev/shm/full')
    expect((await agent.work('Watch files.')).reason).toBe('completed')
  })
})
