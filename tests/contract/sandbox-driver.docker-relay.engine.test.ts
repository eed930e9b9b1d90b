import { makeDockerRig } from '../support/docker-rig.ts'
import { describeSandboxDriver } from './sandbox-driver.ts'

describeSandboxDriver('docker, through exec', () => makeDockerRig({ reach: 'relay' }))
