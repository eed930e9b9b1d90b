/**
 * What takes the place of the runner and lies: as the agent's user, in a sandbox. Ends every runner, connects first, and plays one
 * lie on each connection; then it goes, and leaves the place to the next runner. Prints what the bridge did to it.
 */
const { execFileSync } = require('node:child_process')
const net = require('node:net')

const MIB = 1024 * 1024
const result = (id, value) => `${JSON.stringify({ id, result: value })}\n`
const hello = `${JSON.stringify({ hello: { protocol: 1, pid: 1 } })}\n`

const FORGED = {
  exitCode: 0,
  signal: null,
  timedOut: false,
  cancelled: false,
  durationMs: 1,
  output: 'forged',
  truncated: false,
  outputPath: null,
}

/** What is said when the connection is in use; `call` is told each request of the bridge. */
const lies = {
  nonsense: { begin: (say) => say('{"what is this?\n') },
  'bytes that are no text': { begin: (say) => say(Buffer.from([0xff, 0xfe, 0, 10])) },
  'a frame of the bridge': { begin: (say) => say(`${JSON.stringify({ id: 1, method: 'run', params: {} })}\n`) },
  'hello again': { begin: (say) => say(hello) },
  'an answer to nothing': { begin: (say) => say(result(999, null)) },
  'a line without end': { begin: (say) => say(Buffer.alloc(17 * MIB, 'x')) },
  'an answer of another shape': { call: (say, { id }) => say(result(id, { exitCode: 'none', output: 7 })) },
  'two answers to one call': { call: (say, { id }) => say(result(id, FORGED) + result(id, FORGED)) },
  'a flood of output': {
    call: (say, { id }) => {
      for (let sent = 0; sent < 40; sent += 1) say(`${JSON.stringify({ id, chunk: 'x'.repeat(MIB) })}\n`)
    },
  },
  'an event instead of an answer': {
    call: (say, { id }) => say(`${JSON.stringify({ id, type: 'usage', data: { costUsd: 0 } })}\n`),
  },
  'silence until it is cut off': {},
}
const wanted = process.argv.slice(2)

play(Object.entries(lies).filter(([name]) => wanted.length === 0 || wanted.includes(name)))

function play([next, ...rest]) {
  if (next === undefined) return
  const [name, { begin, call }] = next
  endRunners()
  const socket = net.connect('/run/berth/runner.sock')
  const say = (what) => socket.writable && socket.write(what)
  let accepted = false
  let text = ''
  socket.on('error', () => {})
  socket.on('connect', () => say(hello))
  socket.on('data', (chunk) => {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const frame of lines.map((line) => JSON.parse(line))) {
      if ('hello' in frame) {
        accepted = true
        begin?.(say)
      } else if ('method' in frame) {
        console.log(`${name}: asked`)
        call?.(say, frame)
      }
    }
  })
  socket.on('close', () => {
    // Somebody else's was first: once more.
    if (!accepted) return setTimeout(play, 20, [next, ...rest])
    console.log(`${name}: cut off`)
    play(rest)
  })
}

function endRunners() {
  try {
    execFileSync('pkill', ['-9', '-f', '^/opt/berth/bin/node /opt/berth/runner.cjs'])
  } catch {
    // None runs.
  }
}
