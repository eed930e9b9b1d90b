/** The thread of stand-ins.ts. Answers about a task also forget it: the requests of a long run are large. */
import { parentPort, workerData } from 'node:worker_threads'
import { startForge } from '../stand-ins/forge/start-forge.ts'
import { startModel } from '../stand-ins/model/start-model.ts'
import type { CallTiming, StandInsAnswer, StandInsOptions, StandInsRequest } from './stand-ins.ts'
import { answerTask } from './task.ts'

const { directory, repository, forgeToken, modelKey } = workerData as StandInsOptions
const forge = await startForge({ directory, token: forgeToken, repositories: [repository] })
const model = await startModel({ script: answerTask, apiKey: modelKey, delayMs: 0 })

parentPort?.on('message', (request: StandInsRequest) => {
  if (request.ask === 'calls') return tell({ id: request.id, calls: takeCalls(request.task) })
  Promise.all([model.close(), forge.close()]).then(() => tell({ id: request.id, calls: [] }))
})

function tell(answer: { id: number; calls: CallTiming[] }): void {
  post({ kind: 'answer', ...answer, unscripted: model.unscripted })
}

function post(message: StandInsAnswer): void {
  parentPort?.postMessage(message)
}

function takeCalls(task: string): CallTiming[] {
  const isAsked = (record: (typeof model.requests)[number]) => record.request?.conversation === task
  const calls = model.requests.filter(isAsked).map(({ arrivedAtMs, answeredAtMs }) => ({ arrivedAtMs, answeredAtMs }))
  const others = model.requests.filter((record) => !isAsked(record))
  model.requests.splice(0, model.requests.length, ...others)
  return calls
}

post({ kind: 'started', started: { forgeUrl: forge.url, forgeApiUrl: forge.apiUrl, modelUrl: model.url } })
