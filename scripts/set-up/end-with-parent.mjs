/**
 * Loaded into what is started with an `ipc` channel: when the process that started it is gone, even by kill -9, this one is told to
 * end; with ?at-once it ends at once, for a program that would first undo its work.
 */
const signal = new URL(import.meta.url).search === '?at-once' ? 'SIGKILL' : 'SIGTERM'
if (process.channel) {
  process.once('disconnect', () => process.kill(process.pid, signal))
  // Listening must not keep a script alive that is done.
  process.channel.unref()
}
// What this process forks gets its options, and would end for want of work as soon as its own channel no longer counts.
const own = process.execArgv.indexOf(import.meta.url)
if (own > 0) process.execArgv.splice(own - 1, 2)
